#!/usr/bin/perl
# Temporary access to one account of a Sympa (6.2) list server: a random password, scrambled at the end.
#
# Configuration of the daemon (the technician's; a client can name only "sympa"):
#
#     [connect.exec.sympa]
#     program = "/usr/local/lib/sequestre/sympa.pl"
#     arguments = ["--lib", "/usr/share/sympa/lib", "--config", "/etc/sympa/sympa/sympa.conf"]
#     user = "sympa"                 # who may read sympa.conf
#
# The account's settings in the escrow, which must be deposited as exclusive:
#
#     {"kind": "exec", "program": "sympa", "exclusive": true, "options": {"account": "redaction@example.org"}}
#
# What is sealed is the address and password of a listmaster of the whole server (`listmaster` in sympa.conf, not a
# robot's), who must prove to be one at each call. Sympa's passwords count on all of its virtual hosts, so a listmaster
# of one of them has no right to somebody's password. Do not use it where several associations share one Sympa.
#
# In sympa.conf `move_user` must be `listmaster` or `closed`, in those of virtual hosts, too. Otherwise whoever has the
# account could give it another address, theirs, and keep it; the program then lends nothing. Accounts of listmasters
# are not lent.
#
# A lease is a random password for `account`. Its beginning and its end close all sessions of the account and the links
# in mails that log in without a password (`one_time_ticket_table`). At the end it does so again for five seconds, for
# logins and changes of the password that were under way.
#
# What it does not end: whoever reads the account's mail can get a new password at any time, as with every account of
# Sympa; what the account's lists were told to do (new owners, moderators, subscribers), which Sympa's log shows;
# passwords that Sympa asks an LDAP directory for.

use strict;
use warnings;
use Encode qw(encode_utf8);
use JSON::PP;

# Sympa's libraries want to be there before anything runs.
BEGIN {
    my %arguments = ('--lib' => '/usr/share/sympa/lib', '--config' => '/etc/sympa/sympa/sympa.conf', @ARGV);
    unshift @INC, $arguments{'--lib'};
    $ENV{SYMPA_CONFIG} = $arguments{'--config'};
}
use Conf;
use Sympa;
use Sympa::DatabaseManager;
use Sympa::Tools::Text;
use Sympa::User;

use constant PROTOCOL => 'sequestre-connector/1';

# Ends the verb; the argument is one of the protocol's errors.
sub failed { die {error => shift} }

# The address as Sympa writes it in its tables, if it is one.
sub address {
    my ($text) = @_;
    failed('settings') if !defined $text or ref $text or !Sympa::Tools::Text::valid_email($text);
    return Sympa::Tools::Text::canonic_email($text);
}

# The hash of a password, in the manner of another one if there is one. It is taken of bytes.
sub fingerprint {
    my ($password, $like) = @_;
    return Sympa::User::password_fingerprint(encode_utf8($password), $like);
}

# Whether somebody has this password. No attempts are counted, and no login is recorded.
sub fits {
    my ($email, $password) = @_;
    my $user = Sympa::User::get_global_user($email);
    my $stored = $user && $user->{password};
    return $stored && length $password && fingerprint($password, $stored) eq $stored;
}

# Whether the login is a listmaster's, who may do anything on this server.
sub proven {
    my ($request, $password) = @_;
    my $email = address($request->{login}{user});
    return Sympa::is_listmaster('*', $email) && fits($email, $password);
}

# The account that is lent.
sub account {
    my ($request) = @_;
    my $options = $request->{options};
    failed('settings') if join(',', keys %$options) ne 'account';
    my $email = address($options->{account});
    failed('refused') unless proven($request, $request->{login}{secret});
    my @robots = ('*', $Conf::Conf{domain}, @{Conf::get_robots_list() || []});
    failed('settings') if grep { Sympa::is_listmaster($_, $email) } @robots;
    if (!Sympa::User::is_global_user($email)) {
        print STDERR "there is no such account (any more): was it given another address?\n";
        failed('settings');
    }
    return ($email, @robots);
}

# Sets a password. Given as its hash, because Sympa takes a password that looks like a hash for one.
sub change {
    my ($email, $password) = @_;
    my $hash = fingerprint($password, undef);
    my $done = Sympa::User::update_global_user($email, {password => $hash, wrong_login_count => 0});
    failed('unknown') unless $done && fits($email, $password);
}

# Ends what an earlier password opened.
sub close_sessions {
    my ($email) = @_;
    my $database = Sympa::DatabaseManager->instance or failed('unfinished');
    for my $table (qw(session one_time_ticket)) {
        $database->do_prepared_query("DELETE FROM ${table}_table WHERE email_$table = ?", $email)
            or failed('unfinished');
    }
}

my %verbs = (
    verify => sub {
        my ($request) = @_;
        return (works => proven($request, $request->{login}{secret}) ? JSON::PP::true : JSON::PP::false);
    },
    mint => sub {
        my ($request) = @_;
        my ($email, @robots) = account($request);
        for my $robot (@robots) {
            next if Conf::get_robot_conf($robot, 'move_user') =~ /\A(?:listmaster|closed)\z/;
            print STDERR "move_user must be listmaster or closed, see the comment in this program\n";
            failed('settings');
        }
        change($email, $request->{lease}{secret});
        close_sessions($email);
        my $url = Conf::get_robot_conf($Conf::Conf{domain}, 'wwsympa_url');
        return (fields => {url => $url, user => $email, password => $request->{lease}{secret}});
    },
    revoke => sub {
        my ($request) = @_;
        my ($email) = account($request);
        # Here a password that nobody knows. First it, so that nobody comes in again meanwhile. Then once more, for
        # requests that were let in before and set a password or begin a session only now.
        for my $seconds (0 .. 5) {
            sleep($seconds ? 1 : 0);
            change($email, $request->{lease}{secret});
            close_sessions($email);
        }
        return ();
    },
    rotate => sub {
        my ($request) = @_;
        return () if proven($request, $request->{next});
        failed('refused') unless proven($request, $request->{login}{secret});
        change(address($request->{login}{user}), $request->{next});
        return ();
    },
);

my %answer = eval {
    my $request = decode_json(do { local $/; <STDIN> });
    failed('protocol') if ($request->{protocol} // '') ne PROTOCOL;
    my $verb = $verbs{$request->{verb} // ''} or failed('not_supported');
    failed('settings') unless Conf::load();
    failed('unreachable') unless Sympa::DatabaseManager->instance;
    (ok => JSON::PP::true, $verb->($request));
};
if (my $error = $@) {
    # Without what was asked for, which an error's text may contain.
    my ($place) = ref $error ? () : $error =~ / (at \S+ line \d+)/;
    print STDERR "an error $place\n" if $place;
    %answer = (ok => JSON::PP::false, error => ref $error eq 'HASH' ? $error->{error} : 'unknown');
}
print encode_json({protocol => PROTOCOL, %answer});
