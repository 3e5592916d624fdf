-- Run once, by the server's image, on the empty database: who owns the tables, and who works in them.
\set owner_password `cat /run/secrets/owner_password`
\set password `cat /run/secrets/postgres_password`
CREATE ROLE tenure_owner LOGIN PASSWORD :'owner_password';
CREATE ROLE tenure LOGIN PASSWORD :'password';
ALTER DATABASE tenure OWNER TO tenure_owner;
-- For `tenure db scrub`, which leaves nothing of who was forgotten in the write-ahead log.
GRANT pg_checkpoint TO tenure_owner;
GRANT EXECUTE ON FUNCTION pg_switch_wal() TO tenure_owner;
GRANT EXECUTE ON FUNCTION pg_ls_waldir() TO tenure_owner;
