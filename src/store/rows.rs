//! What rows are made of: local numbers, identifiers, sets of roles.
//!
//! This module must never read a value as something else than what was written.

use std::collections::BTreeSet;

use rusqlite::types::{FromSql, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::escrow::id::{BlobId, CommandId, DeviceId, Digest, OrganisationId, PersonId};
use crate::escrow::organisation::Audience;
use crate::escrow::role::Role;

/// An organisation's local number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number(pub(super) i64);

impl ToSql for Number {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        self.0.to_sql()
    }
}

impl FromSql for Number {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        i64::column_result(value).map(Self)
    }
}

/// A 32-byte identifier in a column.
pub(super) struct Column<T>(pub T);

macro_rules! columns {
    ($($id:ty),*) => { $(
        impl FromSql for Column<$id> {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                <[u8; 32]>::column_result(value).map(|bytes| Self(<$id>::new(bytes)))
            }
        }
    )* };
}

columns!(BlobId, CommandId, DeviceId, Digest, OrganisationId, PersonId);

/// A size, an index or a time as SQLite stores it. No log comes near the limit; a time beyond it never comes.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The reverse of [`signed`]; the tables admit nothing negative.
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

pub(super) fn audience(number: i64) -> Option<Audience> {
    [Audience::Everyone, Audience::Overseers, Audience::Trustees, Audience::Daemon]
        .into_iter()
        .find(|a| *a as i64 == number)
}

/// A set of roles as bits: 1 << number.
pub(super) fn role_bits(roles: &BTreeSet<Role>) -> i64 {
    roles.iter().fold(0, |bits, role| bits | 1 << role.number())
}

/// The roles behind bits; unknown bits are nobody's role.
pub(super) fn roles(bits: i64) -> BTreeSet<Role> {
    Role::ALL.into_iter().filter(|role| bits & 1 << role.number() != 0).collect()
}
