#!/usr/bin/php
<?php
/**
 * Temporary access to a DokuWiki (2022 or newer) that keeps its users in its own file (authplain, its usual way): an
 * account of its own for each lease.
 *
 * Configuration of the daemon (the technician's; a client can name only "dokuwiki"):
 *
 *     [connect.exec.dokuwiki]
 *     program = "/usr/local/lib/sequestre/dokuwiki.php"
 *     arguments = ["--install", "/usr/share/dokuwiki", "--url", "https://wiki.example.org/"]
 *     user = "www-data"              # who may write the folder of users.auth.php
 *
 * The wiki's address is what members get, and tells the wikis of a farm apart. "--conf FOLDER" names the folder of its
 * configuration where the address does not lead to it.
 *
 * The account's settings in the escrow name the groups whose rights a lease has:
 *
 *     {"kind": "exec", "program": "dokuwiki", "options": {"groups": ["user", "bureau"]}}
 *
 * Nobody may register: the wiki's setting `disableactions` must contain `register`. Otherwise whoever has a lease could
 * delete its account in their profile and register the same name as their own; the program then lends nothing.
 *
 * What is sealed is the name and password of a superuser of the wiki, who must prove to be one at each call that makes
 * something, because any member could name this program in settings. Groups of superusers and managers are not lent:
 * whoever may install plugins may do everything for ever.
 *
 * A lease's account bears the lease's mark as one more group, which its holder cannot change (name, address and
 * password they can). An account without it is not touched: at the end of a lease it is either nothing but what
 * everybody may have, where people may register (again) and it is in their first group only; then the lease is over.
 * Or it may be the lease's, whose mark a superuser took away, and its password may still be the lease's. Then the
 * sessions are ended and the answer is `not_ours`, until a superuser has looked and deleted or renamed it.
 *
 * What ends a lease: its account is deleted until it was not there for five seconds (a page that was asked for before
 * may write it anew, and whoever is in again may go on so; after twelve seconds the answer is `unfinished`), and the
 * wiki looks all sessions up again: that is what the file `sessionpurge` in its cache is for. Those of others go on
 * without anybody noticing. What a lease leaves: what it wrote and uploaded, its name in the history, its subscriptions
 * to pages (no mail: there is no account any more).
 */

const PROTOCOL = 'sequestre-connector/1';
const LEASE = '/\Aseq-[0-9a-f]{8}-[0-9]{1,20}\z/';
const MARK = 'sequestre_';
/** Seconds in which nothing had to be ended, and after which it is given up for now. */
const QUIET = 5;
const LONGEST = 12;

ini_set( 'display_errors', 'stderr' );
// Values of arguments, such as passwords, are not for backtraces.
ini_set( 'zend.exception_ignore_args', '1' );
// Whatever the wiki and its plugins print is no answer.
ob_start();

/** Why a verb did not succeed: one of the protocol's errors. */
class Failed extends Exception {
}

/** What has the lease's name does not bear its mark. */
class NotOurs extends Failed {
	/** The groups of what was found. */
	public array $groups;

	public function __construct( array $groups ) {
		parent::__construct( 'not_ours' );
		$this->groups = $groups;
	}
}

class Sequestre {
	/** How DokuWiki keeps its users. */
	private $auth;
	/** Where. */
	private string $file;
	private string $url;

	/** Loads the wiki, without a session and without anybody logged in. */
	public function __construct( array $arguments ) {
		$this->url = rtrim( $arguments['url'] ?? '', '/' ) . '/';
		$_SERVER['HTTP_HOST'] = parse_url( $this->url, PHP_URL_HOST ) ?: 'localhost';
		$_SERVER['SCRIPT_NAME'] = ( parse_url( $this->url, PHP_URL_PATH ) ?: '/' ) . 'doku.php';
		$_SERVER['REMOTE_ADDR'] = '127.0.0.1';
		if ( isset( $arguments['conf'] ) ) {
			define( 'DOKU_CONF', rtrim( $arguments['conf'], '/' ) . '/' );
		}
		define( 'NOSESSION', true );
		// The wiki's files take it for granted that they are not inside of a function.
		foreach ( [ 'conf', 'config_cascade', 'auth', 'plugin_controller', 'EVENT_HANDLER', 'INPUT' ] as $name ) {
			global $$name;
		}
		require_once rtrim( $arguments['install'] ?? '/usr/share/dokuwiki', '/' ) . '/inc/init.php';
		if ( !$conf['useacl'] || $conf['authtype'] !== 'authplain' ) {
			throw new Failed( 'settings' );
		}
		$auth = $plugin_controller->load( 'auth', 'authplain' );
		if ( !$auth || !$auth->success ) {
			throw new Failed( 'settings' );
		}
		$this->auth = $auth;
		$this->file = $config_cascade['plainauth.users']['default'];
	}

	public function call( array $request ): array {
		switch ( $request['verb'] ) {
			case 'verify':
				return [ 'works' => $this->proven( $request, $request['login']['secret'] ) ];
			case 'mint':
				return $this->mint( $request );
			case 'revoke':
				return $this->revoke( $request );
			case 'rotate':
				return $this->rotate( $request );
			default:
				throw new Failed( 'not_supported' );
		}
	}

	/** Called again for the same lease, it replaces the account: the password of the last call works. */
	private function mint( array $request ): array {
		global $conf;
		$groups = $this->groups( $request );
		if ( !$this->proven( $request, $request['login']['secret'] ) ) {
			throw new Failed( 'denied' );
		}
		if ( actionOK( 'register' ) ) {
			fwrite( STDERR, "people may register in this wiki: disableactions must contain register, see this program\n" );
			throw new Failed( 'settings' );
		}
		$name = $this->lease( $request );
		foreach ( [ 'superuser', 'manager' ] as $powerful ) {
			if ( auth_isMember( $conf[$powerful], $name, $groups ) ) {
				fwrite( STDERR, "one of the groups makes a $powerful\n" );
				throw new Failed( 'settings' );
			}
		}
		$groups[] = $this->mark( $request );
		$line = [ $name, auth_cryptPassword( $request['lease']['secret'] ), $name, '', implode( ',', $groups ) ];
		$this->replace( $name, $this->line( $line ), $request );
		$this->purge();
		return [ 'fields' => [
			'url' => $this->url . 'doku.php?do=login',
			'user' => $name,
			'password' => $request['lease']['secret'],
		] ];
	}

	/**
	 * Needs no proof: only an account that this program made for this lease is deleted. A page that was asked for
	 * before may write it into the file once more (its holder saves a new password just now), so it is looked for
	 * again. Sessions are ended also where there is no account any more: an earlier call may have come just so far; and
	 * where there is somebody else's, which is not touched.
	 */
	private function revoke( array $request ): array {
		global $conf;
		$name = $this->lease( $request );
		for ( $seconds = 0, $quiet = 0; $quiet < QUIET; $seconds++ ) {
			if ( $seconds > LONGEST ) {
				throw new Failed( 'unfinished' );
			}
			sleep( min( $seconds, 1 ) );
			$found = null;
			$deleted = false;
			try {
				$deleted = $this->replace( $name, null, $request );
			} catch ( NotOurs $not_ours ) {
				$found = $not_ours;
			}
			$this->purge();
			$quiet = $deleted || $seconds === 0 ? 0 : $quiet + 1;
		}
		if ( !$found ) {
			return [];
		}
		if ( actionOK( 'register' ) && !array_diff( $found->groups, [ $conf['defaultgroup'] ] ) ) {
			fwrite( STDERR, "somebody registered as $name; they have what everybody may have, and it was not touched\n" );
			return [];
		}
		fwrite( STDERR, "$name does not bear the lease's mark; a superuser must look, and delete or rename it\n" );
		throw $found;
	}

	private function rotate( array $request ): array {
		if ( $this->proven( $request, $request['next'] ) ) {
			return [];
		}
		if ( !$this->proven( $request, $request['login']['secret'] ) ) {
			throw new Failed( 'denied' );
		}
		$name = $this->administrator( $request );
		$user = $this->auth->getUserData( $name );
		if ( !empty( $user['protected'] ) ) {
			throw new Failed( 'not_supported' );
		}
		$hash = auth_cryptPassword( $request['next'] );
		$line = [ $name, $hash, $user['name'], $user['mail'], implode( ',', $user['grps'] ) ];
		$this->replace( $name, $this->line( $line ), null );
		$this->purge();
		return [];
	}

	private function administrator( array $request ): string {
		$name = $this->auth->cleanUser( (string)( $request['login']['user'] ?? '' ) );
		if ( $name === '' || preg_match( LEASE, $name ) ) {
			throw new Failed( 'settings' );
		}
		return $name;
	}

	/** Whether somebody may do here whatever they like, and proves with this password to be that person. */
	private function proven( array $request, string $secret ): bool {
		$name = $this->administrator( $request );
		return $secret !== '' && $this->auth->checkPass( $name, $secret ) && auth_ismanager( $name, null, true );
	}

	private function lease( array $request ): string {
		$name = $request['lease']['name'];
		if ( !preg_match( LEASE, $name ) ) {
			throw new Failed( 'settings' );
		}
		return $name;
	}

	private function mark( array $request ): string {
		return MARK . substr( hash( 'sha256', $request['lease']['mark'] ), 0, 32 );
	}

	/** The groups of the settings. Separators in one would forge fields of the file, or lines. */
	private function groups( array $request ): array {
		$groups = $request['options']['groups'] ?? null;
		if ( !is_array( $groups ) || !$groups || count( $groups ) > 20
			|| array_keys( $request['options'] ) !== [ 'groups' ]
		) {
			throw new Failed( 'settings' );
		}
		foreach ( $groups as $group ) {
			if ( !is_string( $group ) || $group === '' || strlen( $group ) > 100 || preg_match( '/[,\\\\#]/', $group )
				|| $this->auth->cleanGroup( $group ) !== $group || str_starts_with( $group, MARK )
			) {
				throw new Failed( 'settings' );
			}
		}
		return array_values( $groups );
	}

	/** As authplain writes it. */
	private function line( array $fields ): string {
		return implode( ':', str_replace( [ '\\', ':' ], [ '\\\\', '\\:' ], $fields ) ) . "\n";
	}

	/**
	 * Puts a line in the place of somebody's, or takes it out. For a lease (with a request) only if the account is
	 * this lease's. On disk as a whole or not at all: DokuWiki's own way would leave half a file where it is killed.
	 * Gives whether something was written.
	 */
	private function replace( string $name, ?string $line, ?array $request ): bool {
		io_lock( $this->file );
		try {
			// The lock was waited for; what was read before may be old.
			$auth = $GLOBALS['plugin_controller']->load( 'auth', 'authplain', true );
			$user = $auth->getUserData( $name );
			if ( $user !== false && $request !== null && !in_array( $this->mark( $request ), $user['grps'], true ) ) {
				throw new NotOurs( $user['grps'] );
			}
			$lines = file( $this->file );
			if ( $lines === false ) {
				throw new Exception( 'the file of users cannot be read' );
			}
			$kept = preg_grep( '/\A' . preg_quote( $name, '/' ) . ':/', $lines, PREG_GREP_INVERT );
			if ( $line === null && count( $kept ) === count( $lines ) ) {
				return false;
			}
			if ( $kept && !str_ends_with( end( $kept ), "\n" ) ) {
				$kept[] = "\n";
			}
			$this->write( implode( '', $kept ) . $line );
			return true;
		} finally {
			io_unlock( $this->file );
		}
	}

	private function write( string $text ): void {
		$file = realpath( $this->file );
		// Its name ends as the file's does, and its first line with it: a web server that shows it shows nothing.
		$new = dirname( $file ) . '/users.auth.new.php';
		umask( 0077 );
		$to = fopen( $new, 'wb' );
		if ( !$to || !chmod( $new, fileperms( $file ) & 0777 ) || fwrite( $to, $text ) !== strlen( $text )
			|| !fsync( $to ) || !fclose( $to ) || !rename( $new, $file )
		) {
			throw new Exception( 'the file of users cannot be written' );
		}
	}

	/**
	 * From now on sessions count only if they are younger than this file. It is dated a little later, for logins that
	 * are under way with the old password.
	 */
	private function purge(): void {
		global $conf;
		if ( !touch( $conf['cachedir'] . '/sessionpurge', time() + 5 ) ) {
			throw new Failed( 'unfinished' );
		}
	}
}

/** What is answered. A wiki that cannot start ends the program itself, in the middle of this. */
$answer = [ 'ok' => false, 'error' => 'unknown' ];
register_shutdown_function( function () use ( &$answer ) {
	while ( ob_get_level() ) {
		ob_end_clean();
	}
	echo json_encode( [ 'protocol' => PROTOCOL ] + $answer );
} );

try {
	$request = json_decode( stream_get_contents( STDIN ), true );
	if ( ( $request['protocol'] ?? null ) !== PROTOCOL ) {
		throw new Failed( 'protocol' );
	}
	$wiki = new Sequestre( getopt( '', [ 'install:', 'url:', 'conf:' ] ) );
	$answer = [ 'ok' => true ] + $wiki->call( $request );
} catch ( Failed $failed ) {
	$answer = [ 'ok' => false, 'error' => $failed->getMessage() ];
} catch ( Throwable $error ) {
	// The kind of error and its place; its text may contain what was asked for.
	fwrite( STDERR, get_class( $error ) . ' ' . $error->getFile() . ':' . $error->getLine() . "\n" );
}
