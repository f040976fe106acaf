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
# in mails that log in without a password (`one_time_ticket_table`). At the end it does so again until the password
# stayed for five seconds as it was set, for logins and changes of it that were under way; after twelve the answer is
# `unfinished`.
#
# While it lasts, the account bears the lease's mark (`attributes_user`), by which it is found where a listmaster gave it
# another address meanwhile: that is what gets the new password then. If the account was deleted, nothing of it can log
# in, and the lease is over; the technician is told. An account that has become a listmaster's meanwhile gets its new
# password like any other; only the account whose password is sealed never does.
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
# Seconds in which everything stayed as the end had set it, and after which it is given up for now.
use constant {QUIET => 5, LONGEST => 12};

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

# The address that the settings name. The administrator's own would lose the password that is sealed.
sub account {
    my ($request) = @_;
    my $options = $request->{options};
    failed('settings') if join(',', keys %$options) ne 'account';
    my $email = address($options->{account});
    failed('denied') unless proven($request, $request->{login}{secret});
    failed('settings') if $email eq address($request->{login}{user});
    return $email;
}

# Refuses to lend an account that its holder could keep or that may do too much.
sub lendable {
    my ($email) = @_;
    my @robots = ('*', $Conf::Conf{domain}, @{Conf::get_robots_list() || []});
    failed('settings') if grep { Sympa::is_listmaster($_, $email) } @robots;
    failed('settings') unless Sympa::User::is_global_user($email);
    for my $robot (@robots) {
        next if Conf::get_robot_conf($robot, 'move_user') =~ /\A(?:listmaster|closed)\z/;
        print STDERR "move_user must be listmaster or closed, see the comment in this program\n";
        failed('settings');
    }
}

# The mark that somebody's account bears, if it does, among what Sympa keeps about it. Its holder cannot change it.
sub mark_of {
    my $user = Sympa::User::get_global_user(shift);
    return $user && $user->{attributes} && $user->{attributes}{sequestre} // '';
}

# Puts the mark there, or takes it away.
sub mark {
    my ($email, $mark) = @_;
    my $user = Sympa::User::get_global_user($email) or failed('unfinished');
    my %attributes = %{$user->{attributes} || {}};
    delete $attributes{sequestre};
    $attributes{sequestre} = $mark if defined $mark;
    Sympa::User::update_global_user($email, {attributes => \%attributes}) or failed('unfinished');
}

# Where the account of a lease is now: at its address, or with the mark at another one, or nowhere.
sub found {
    my ($email, $mark) = @_;
    my $database = Sympa::DatabaseManager->instance or failed('unfinished');
    my $rows = $database->do_prepared_query(
        q{SELECT email_user FROM user_table WHERE attributes_user LIKE '%sequestre%'}) or failed('unfinished');
    my @marked = grep { $_ ne $email and mark_of($_) eq $mark } map { $_->[0] } @{$rows->fetchall_arrayref};
    my $there = Sympa::User::is_global_user($email) // failed('unfinished');
    return ($there ? $email : (), @marked);
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
        my $email = account($request);
        lendable($email);
        mark($email, $request->{lease}{mark});
        change($email, $request->{lease}{secret});
        close_sessions($email);
        my $url = Conf::get_robot_conf($Conf::Conf{domain}, 'wwsympa_url');
        return (fields => {url => $url, user => $email, password => $request->{lease}{secret}});
    },
    revoke => sub {
        my ($request) = @_;
        my ($email, $mark) = (account($request), $request->{lease}{mark});
        # Here a password that nobody knows. First it, so that nobody comes in again meanwhile. Then once more, for
        # requests that were let in before and set a password or begin a session only now, until none does for a while:
        # whoever is in again by it could go on so.
        my ($seconds, $quiet, @now) = (0, 0);
        while ($quiet < QUIET) {
            failed('unfinished') if $seconds > LONGEST;
            sleep($seconds ? 1 : 0);
            my @before = @now;
            @now = found($email, $mark);
            my $holds = "@before" eq "@now" && !grep { !fits($_, $request->{lease}{secret}) } @now;
            $quiet = $seconds++ && $holds ? $quiet + 1 : 0;
            change($_, $request->{lease}{secret}) for @now;
            close_sessions($_) for $email, grep { $_ ne $email } @now;
        }
        print STDERR "the account is not there any more, so that nobody logs in to it\n" unless @now;
        print STDERR "the account was given another address; its password there is changed\n"
            if grep { $_ ne $email } @now;
        mark($_) for grep { mark_of($_) eq $mark } @now;
        return ();
    },
    rotate => sub {
        my ($request) = @_;
        return () if proven($request, $request->{next});
        failed('denied') unless proven($request, $request->{login}{secret});
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
