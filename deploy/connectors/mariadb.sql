-- What mariadb.py calls. Run it once on each MariaDB server (10.11 or newer), as root:  mariadb < mariadb.sql
-- Running it again renews the procedures and keeps everything else.
--
-- Why procedures: in MariaDB whoever may make users (CREATE USER) may also change the password of `root`. So the
-- administrator whose password is in escrow gets no such right. It may call `make_lease` and `end_lease` below, which
-- do with the rights of whoever installed this file only what a lease needs. Each association has an administrator of
-- its own, and nobody can lend what is not written for them in the table `lends`:
--
--     CREATE ROLE members_editors;
--     GRANT SELECT, INSERT, UPDATE, DELETE ON members.* TO members_editors;
--     CREATE USER members_keeper@localhost IDENTIFIED BY '…';
--     GRANT EXECUTE ON PROCEDURE sequestre.make_lease TO members_keeper@localhost;
--     GRANT EXECUTE ON PROCEDURE sequestre.end_lease TO members_keeper@localhost;
--     INSERT INTO sequestre.lends (administrator, role) VALUES ('members_keeper', 'members_editors');
--
-- Every session has the rights of PUBLIC, too, and those in `mysql.db` that are written for no name. An install without
-- `--skip-test-db` gives everybody nearly all rights on the databases `test` and `test_…`, with which a lease could leave
-- views and events behind that have its role's rights; then nothing is lent. Such an install also has accounts without a
-- name, which take the logins of leases at this machine (`''@localhost` comes before `'seq-…'@'%'`), so that these are
-- not let in. `mariadb-secure-installation` removes all that, and so does:
--
--     DROP DATABASE IF EXISTS test;
--     DELETE FROM mysql.db WHERE User = '' OR (User = 'PUBLIC' AND Db IN ('test', 'test\\_%'));
--     DELETE FROM mysql.global_priv WHERE User = '';
--     FLUSH PRIVILEGES;
--
-- `SHOW GRANTS FOR PUBLIC` shows what everybody has besides.
--
-- With `event_scheduler = ON` in the server's configuration the event `ends` below ends what is over, within ten
-- seconds, also when the escrow's server is off.

CREATE DATABASE IF NOT EXISTS sequestre CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
USE sequestre;
-- The procedures remember this: how they read quotation marks and backslashes must not depend on who calls.
SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION';
SET NAMES utf8mb4 COLLATE utf8mb4_bin;

-- Which administrator (the name before the @) may lend which role, to logins from where.
CREATE TABLE IF NOT EXISTS lends (
  administrator VARCHAR(128) NOT NULL,
  role VARCHAR(128) NOT NULL,
  host VARCHAR(255) NOT NULL DEFAULT '%',
  PRIMARY KEY (administrator, role)
) ENGINE=InnoDB;

-- The leases; `SELECT * FROM sequestre.leases WHERE ended = 0` shows what is open. A line is there before its account
-- is, and stays for a day after it: a call that was given up and arrives late must not make an account anew whose end
-- was already reported. (Whoever has one administrator's password can take the names of another's leases, which are
-- then refused; `administrator` says who did.)
CREATE TABLE IF NOT EXISTS leases (
  name VARCHAR(33) NOT NULL PRIMARY KEY,
  mark VARCHAR(128) NOT NULL,
  administrator VARCHAR(128) NOT NULL,
  role VARCHAR(128) NOT NULL,
  host VARCHAR(255) NOT NULL,
  until BIGINT UNSIGNED NOT NULL,
  ended BIGINT UNSIGNED NOT NULL -- 0: not yet
) ENGINE=InnoDB;

DELIMITER //

-- The name of whoever called. Not up to the first @: a name may have one, and be somebody else's up to there.
CREATE OR REPLACE FUNCTION caller() RETURNS VARCHAR(128) NO SQL
  RETURN LEFT(USER(), CHAR_LENGTH(USER()) - CHAR_LENGTH(SUBSTRING_INDEX(USER(), '@', -1)) - 1)//

-- Refuses a role with which somebody could make an access that outlasts the lease: rights on the whole server or on
-- its own databases, rights that can be given on, and whatever leaves code behind. Views, procedures, triggers and
-- events can belong to the role itself (DEFINER = CURRENT_ROLE) and would go on with its rights for ever. Nor may it
-- call procedures: a session in one goes by another name, under which nobody would find it at the end. Whose rights a
-- lease has besides its role's: those of PUBLIC, and of the rows of mysql.db that have no name.
CREATE OR REPLACE PROCEDURE refuse_powers(IN holder VARCHAR(128), IN sentence VARCHAR(128)) READS SQL DATA
BEGIN
  DECLARE bad INT;
  -- However the caller's session is set, it looks at roles of roles, too.
  SET STATEMENT max_recursive_iterations = 1000 FOR WITH RECURSIVE roles (name) AS (
    SELECT holder UNION SELECT m.Role FROM mysql.roles_mapping m JOIN roles ON m.User = roles.name AND m.Host = ''
  )
  SELECT
    (SELECT COUNT(*) FROM mysql.global_priv p JOIN roles ON p.User = name
       WHERE p.Host = '' AND IFNULL(JSON_VALUE(p.Priv, '$.access'), 0) <> 0) +
    (SELECT COUNT(*) FROM mysql.db d JOIN roles ON d.User = name
       WHERE (d.Host = '' OR d.User = '') AND ('Y' IN (Grant_priv, Execute_priv, Event_priv, Trigger_priv,
       Create_view_priv, Create_routine_priv, Alter_routine_priv) OR 'mysql' LIKE d.Db OR 'sys' LIKE d.Db OR 'sequestre' LIKE d.Db
       OR 'performance_schema' LIKE d.Db)) +
    (SELECT COUNT(*) FROM mysql.tables_priv t JOIN roles ON t.User = name
       WHERE t.Host = '' AND (t.Table_priv REGEXP 'Grant|Trigger|Create View'
       OR t.Db IN ('mysql', 'sys', 'sequestre', 'performance_schema'))) +
    (SELECT COUNT(*) FROM mysql.columns_priv c JOIN roles ON c.User = name
       WHERE c.Host = '' AND c.Db IN ('mysql', 'sys', 'sequestre', 'performance_schema')) +
    (SELECT COUNT(*) FROM mysql.procs_priv p JOIN roles ON p.User = name WHERE p.Host = '') +
    (SELECT COUNT(*) FROM mysql.roles_mapping m JOIN roles ON m.User = name
       WHERE m.Host = '' AND m.Admin_option = 'Y')
    INTO bad;
  IF bad > 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = sentence;
  END IF;
END//

-- The sessions of a lease. A session that is in a trigger goes by the name of the trigger's owner in the list of
-- processes; `performance_schema`, where it is on, knows it all the same.
CREATE OR REPLACE VIEW sessions AS
  SELECT ID AS id, USER AS name FROM information_schema.PROCESSLIST
  UNION SELECT PROCESSLIST_ID, PROCESSLIST_USER FROM performance_schema.threads WHERE PROCESSLIST_ID IS NOT NULL//

-- Drops the account, and ends its sessions until there were none for a second. That includes logins that are under
-- way: the server looked their account up before it was dropped and would let them in, but lists them already.
CREATE OR REPLACE PROCEDURE close_account(IN lease VARCHAR(33), IN its_host VARCHAR(255)) MODIFIES SQL DATA
BEGIN
  DECLARE rounds, quiet INT DEFAULT 0;
  EXECUTE IMMEDIATE CONCAT('DROP USER IF EXISTS ', QUOTE(lease), '@', QUOTE(its_host));
  WHILE quiet < 50 DO
    SET quiet = quiet + 1, rounds = rounds + 1;
    FOR session IN (SELECT id FROM sessions WHERE BINARY name = lease) DO
      BEGIN
        DECLARE CONTINUE HANDLER FOR 1094 BEGIN END; -- it has ended by itself
        SET quiet = 0;
        KILL session.id;
      END;
    END FOR;
    IF rounds > 750 THEN
      SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: unfinished: a session does not end (does it roll back?)';
    END IF;
    DO SLEEP(0.02);
  END WHILE;
END//

-- Makes the lease's account, or, again for the same lease, sets the password of this call.
CREATE OR REPLACE PROCEDURE make_lease(IN lease VARCHAR(33), IN its_mark VARCHAR(128), IN lent VARCHAR(128),
  IN hash CHAR(41), IN its_end BIGINT UNSIGNED) MODIFIES SQL DATA
BEGIN
  DECLARE found_mark VARCHAR(128);
  DECLARE its_host VARCHAR(255);
  DECLARE was_ended BIGINT UNSIGNED DEFAULT 0;
  DECLARE account, quoted_role TEXT;
  SELECT host INTO its_host FROM lends WHERE BINARY administrator = caller() AND BINARY role = lent;
  IF its_host IS NULL THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: refused: `lends` does not let this administrator lend the role';
  END IF;
  IF lease NOT REGEXP '^seq-[0-9a-f]{8}-[0-9]{1,20}$' OR hash NOT REGEXP '^[*][0-9A-F]{40}$'
      OR CONCAT(lease, hash) REGEXP '[^-*a-zA-Z0-9]' THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: settings: that is no lease';
  END IF;
  IF NOT EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = lent AND Host = '' AND JSON_VALUE(Priv, '$.is_role')) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: settings: there is no such role';
  END IF;
  CALL refuse_powers(lent, 'sequestre: settings: the role may do too much, see mariadb.sql');
  CALL refuse_powers('PUBLIC', 'sequestre: settings: PUBLIC (everybody) may do too much, see mariadb.sql');
  CALL refuse_powers('', 'sequestre: settings: rights without a user name allow too much, see mariadb.sql');
  DELETE FROM leases WHERE name = lease AND ended > 0 AND ended + 86400 < UNIX_TIMESTAMP()
    AND NOT EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = lease);
  COMMIT; -- however the caller's session is set, it holds no lock for longer than a statement
  SELECT mark, host, ended INTO found_mark, its_host, was_ended FROM leases WHERE name = lease;
  IF found_mark <> its_mark
      OR (found_mark IS NULL AND EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = lease)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: not_ours';
  END IF;
  IF was_ended > 0 THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: refused: this lease is over';
  END IF;
  IF found_mark IS NULL THEN
    INSERT INTO leases VALUES (lease, its_mark, caller(), lent, its_host, its_end, 0);
  ELSE
    UPDATE leases SET until = its_end WHERE name = lease;
  END IF;
  COMMIT;
  -- Locked until it is complete. Its number of connections is limited, so that it cannot keep out whoever ends it.
  SET account = CONCAT(QUOTE(lease), '@', QUOTE(its_host)), quoted_role = CONCAT('`', REPLACE(lent, '`', '``'), '`');
  EXECUTE IMMEDIATE CONCAT('CREATE OR REPLACE USER ', account, ' IDENTIFIED BY PASSWORD ', QUOTE(hash),
    ' WITH MAX_USER_CONNECTIONS 10 ACCOUNT LOCK');
  EXECUTE IMMEDIATE CONCAT('GRANT ', quoted_role, ' TO ', account);
  EXECUTE IMMEDIATE CONCAT('SET DEFAULT ROLE ', quoted_role, ' FOR ', account);
  EXECUTE IMMEDIATE CONCAT('ALTER USER ', account, ' ACCOUNT UNLOCK');
  -- Ended meanwhile? Whoever ends it marks it first and drops the account then, so that one of the two sees the other.
  SELECT ended INTO was_ended FROM leases WHERE name = lease FOR UPDATE;
  COMMIT;
  IF was_ended > 0 THEN
    CALL close_account(lease, its_host);
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: refused: this lease is over';
  END IF;
END//

-- Ends the lease: for whoever made it or may lend the same; of what was never made, the name is closed for a day.
CREATE OR REPLACE PROCEDURE end_lease(IN lease VARCHAR(33), IN its_mark VARCHAR(128)) MODIFIES SQL DATA
BEGIN
  DECLARE found_mark, made_by, lent VARCHAR(128);
  DECLARE its_host VARCHAR(255);
  SELECT mark, administrator, role, host INTO found_mark, made_by, lent, its_host FROM leases WHERE name = lease;
  IF found_mark <> its_mark
      OR (found_mark IS NULL AND EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = lease)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: not_ours';
  END IF;
  IF NOT made_by <=> caller()
      AND NOT EXISTS (SELECT 1 FROM lends
        WHERE BINARY administrator = caller() AND role = IFNULL(NULLIF(lent, ''), role)) THEN
    SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'sequestre: refused: this administrator may not end the lease';
  END IF;
  IF found_mark IS NULL THEN
    INSERT INTO leases VALUES (lease, its_mark, caller(), '', '', 0, UNIX_TIMESTAMP());
    COMMIT;
  ELSE
    UPDATE leases SET ended = UNIX_TIMESTAMP() WHERE name = lease;
    COMMIT;
    CALL close_account(lease, its_host);
  END IF;
END//

-- What is over and still there, also after a call that was cut off in between.
CREATE OR REPLACE PROCEDURE end_overdue() MODIFIES SQL DATA
  FOR lease IN (SELECT name, host FROM leases WHERE (ended > 0 OR until <= UNIX_TIMESTAMP())
      AND (EXISTS (SELECT 1 FROM mysql.global_priv WHERE User = leases.name)
      OR EXISTS (SELECT 1 FROM sessions WHERE BINARY sessions.name = leases.name))) DO
    BEGIN
      DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END; -- the others all the same; this one is tried again
      CALL close_account(lease.name, lease.host);
    END;
  END FOR//

CREATE OR REPLACE EVENT ends ON SCHEDULE EVERY 10 SECOND DO CALL end_overdue()//

DELIMITER ;
