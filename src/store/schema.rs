//! Tables.

/// The version of the tables, in `PRAGMA user_version`.
pub const SCHEMA_VERSION: i64 = 1;
