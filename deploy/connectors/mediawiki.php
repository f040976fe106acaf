#!/usr/bin/php
<?php
/**
 * Temporary access to one account of a MediaWiki (1.39 or newer): a random password, scrambled at the end.
 *
 * Configuration of the daemon (the technician's; a client can name only "mediawiki"):
 *
 *     [connect.exec.mediawiki]
 *     program = "/usr/local/lib/sequestre/mediawiki.php"
 *     arguments = ["--install", "/usr/share/mediawiki", "--conf", "/etc/mediawiki/LocalSettings.php"]
 *     user = "www-data"              # who may read LocalSettings.php
 *
 * The account's settings in the escrow, which must be deposited as exclusive:
 *
 *     {"kind": "exec", "program": "mediawiki", "exclusive": true,
 *      "options": {"account": "Redaction", "email": "web@example.org"}}
 *
 * What is sealed is the name and password of another account, one that may change the rights of users (a bureaucrat).
 * It must prove itself with the password at each call, because any member could name this program in settings. It
 * never logs in over the web; what is done, is done as MediaWiki's own maintenance scripts do it, whose command line
 * would show the password to everybody on the machine.
 *
 * The wiki's cache must be one that the command line shares with the web server ($wgMainCacheType: CACHE_DB,
 * CACHE_MEMCACHED, CACHE_NONE). With CACHE_ACCEL, which the installer chooses where it can, the web server would go on
 * taking ended sessions for up to an hour; the program then lends nothing.
 *
 * A lease is a random password for `account`. Its beginning and its end close all sessions of the account, delete its
 * bot passwords (at the end until its password stayed for five seconds as it was set; after twelve the answer is
 * `unfinished`), and set its address to `email` (if that is given): whoever reads the mail there can reset the
 * password. OAuth grants stay: do not lend an account that may grant any.
 */

use MediaWiki\MediaWikiServices;
use MediaWiki\Session\SessionManager;

const PROTOCOL = 'sequestre-connector/1';
/** Seconds in which everything stayed as the end had set it, and after which it is given up for now. */
const QUIET = 5;
const LONGEST = 12;

ini_set( 'display_errors', 'stderr' );
// Values of arguments, such as passwords, are not for backtraces.
ini_set( 'zend.exception_ignore_args', '1' );

$at = array_search( '--install', $argv, true );
$install = $at === false ? '/usr/share/mediawiki' : ( $argv[$at + 1] ?? '' );
putenv( "MW_INSTALL_PATH=$install" );
require_once "$install/maintenance/Maintenance.php";

/** Why a verb did not succeed: one of the protocol's errors. */
class Failed extends Exception {
}

class Sequestre extends Maintenance {
	public function __construct() {
		parent::__construct();
		$this->addOption( 'install', 'Where MediaWiki is', false, true );
	}

	public function execute() {
		$request = json_decode( stream_get_contents( STDIN ), true );
		try {
			if ( ( $request['protocol'] ?? null ) !== PROTOCOL ) {
				throw new Failed( 'protocol' );
			}
			$answer = [ 'ok' => true ] + $this->call( $request );
		} catch ( Failed $failed ) {
			$answer = [ 'ok' => false, 'error' => $failed->getMessage() ];
		} catch ( Throwable $error ) {
			// The kind of error and its place; its text may contain what was asked for.
			fwrite( STDERR, get_class( $error ) . ' ' . $error->getFile() . ':' . $error->getLine() . "\n" );
			$answer = [ 'ok' => false, 'error' => 'unknown' ];
		}
		echo json_encode( [ 'protocol' => PROTOCOL ] + $answer );
	}

	private function call( array $request ): array {
		$administrator = $this->user( $request['login']['user'] ?? '' );
		$secret = $request['login']['secret'];
		$works = $this->fits( $administrator, $secret ) && MediaWikiServices::getInstance()
			->getPermissionManager()->userHasRight( $administrator, 'userrights' );
		if ( in_array( $request['verb'], [ 'verify', 'mint' ] ) && $this->cachesApart() ) {
			fwrite( STDERR, "the wiki's cache is not shared with the web server, see the comment in this program\n" );
			throw new Failed( 'settings' );
		}
		switch ( $request['verb'] ) {
			case 'verify':
				return [ 'works' => $works ];
			case 'mint':
				$account = $this->account( $request, $administrator, $works );
				$this->change( $account, $request['lease']['secret'] );
				$this->close( $account, $request );
				return [ 'fields' => [
					'url' => SpecialPage::getTitleFor( 'Userlogin' )->getCanonicalURL(),
					'user' => $account->getName(),
					'password' => $request['lease']['secret'],
				] ];
			case 'revoke':
				$account = $this->account( $request, $administrator, $works );
				// Here a password that nobody knows. First it, so that nobody comes in again meanwhile. Then once more,
				// for requests that were let in before and set a password only now, until none does for a while:
				// whoever is in again by it could go on so.
				for ( $seconds = 0, $quiet = 0; $quiet < QUIET; $seconds++ ) {
					if ( $seconds > LONGEST ) {
						throw new Failed( 'unfinished' );
					}
					sleep( min( $seconds, 1 ) );
					$account = $this->user( $account->getName() );
					$account->loadFromDatabase( User::READ_LATEST );
					$holds = $this->fits( $account, $request['lease']['secret'] ) && !$this->email( $account, $request );
					$quiet = $holds ? $quiet + 1 : 0;
					$this->change( $account, $request['lease']['secret'] );
					$this->close( $account, $request );
				}
				return [];
			case 'rotate':
				if ( $this->fits( $administrator, $request['next'] ) ) {
					return [];
				}
				if ( !$works ) {
					throw new Failed( 'denied' );
				}
				$this->change( $administrator, $request['next'] );
				return [];
			default:
				throw new Failed( 'not_supported' );
		}
	}

	/** Whether the web server has a cache of its own, from which nothing here could remove a user. */
	private function cachesApart(): bool {
		$config = $this->getConfig();
		return $config->get( 'MainCacheType' ) === CACHE_ACCEL || $config->get( 'SessionCacheType' ) === CACHE_ACCEL;
	}

	private function user( string $name ): User {
		$user = User::newFromName( $name );
		if ( !$user || !$user->getId() ) {
			throw new Failed( 'settings' );
		}
		return $user;
	}

	/** The account that is lent. The administrator's own would lose the password that is sealed. */
	private function account( array $request, User $administrator, bool $works ): User {
		if ( !$works ) {
			throw new Failed( 'denied' );
		}
		$account = $this->user( (string)( $request['options']['account'] ?? '' ) );
		if ( $account->getId() === $administrator->getId() ) {
			throw new Failed( 'settings' );
		}
		return $account;
	}

	private function fits( User $user, string $password ): bool {
		$hash = $this->getDB( DB_PRIMARY )->selectField(
			'user', 'user_password', [ 'user_id' => $user->getId() ], __METHOD__
		);
		$factory = MediaWikiServices::getInstance()->getPasswordFactory();
		return $hash && $factory->newFromCiphertext( $hash )->verify( $password );
	}

	/** As maintenance/changePassword.php does it. The wiki's rules for passwords count. */
	private function change( User $user, string $password ) {
		$status = $user->changeAuthenticationData( [
			'username' => $user->getName(), 'password' => $password, 'retype' => $password,
		] );
		if ( !$status->isGood() ) {
			throw new Failed( 'refused' );
		}
	}

	/** The address that the account should have and has not. */
	private function email( User $account, array $request ): ?string {
		$email = $request['options']['email'] ?? null;
		$differs = is_string( $email ) && Sanitizer::validateEmail( $email ) && $account->getEmail() !== $email;
		return $differs ? $email : null;
	}

	/** Ends what an earlier password opened. */
	private function close( User $account, array $request ) {
		$email = $this->email( $account, $request );
		if ( $email ) {
			$account->setEmail( $email );
			$account->setEmailAuthenticationTimestamp( wfTimestampNow() );
			$account->saveSettings();
		}
		BotPassword::invalidateAllPasswordsForUser( $account->getName() );
		SessionManager::singleton()->invalidateSessionsForUser( $account );
	}
}

$maintClass = Sequestre::class;
require_once RUN_MAINTENANCE_IF_MAIN;
