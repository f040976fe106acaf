//! What a person is in an organisation.
//!
//! Roles are combinable, except that whoever judges holds no shares: a mediator is never a trustee. An empty set of
//! roles does not exist.

use std::collections::BTreeSet;
use std::fmt;

/// Why a set of roles is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadRoles {
    /// No role at all.
    #[error("at least one role is needed: trustee, mediator, technician or member")]
    Empty,
    /// A number that this version does not know.
    #[error("role number {0} is unknown to this version; update this software")]
    Unknown(u32),
    /// Numbers out of order or repeated: a set has one spelling only.
    #[error("roles must be listed once each, in ascending order")]
    NotSorted,
    /// Judge and party at once.
    #[error("a mediator cannot be a trustee: whoever judges holds no shares; choose one of the two")]
    MediatorAndTrustee,
}

/// One role. The number is the one on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Holds shares, approves.
    Trustee = 1,
    /// Reads and judges.
    Mediator = 2,
    /// Runs the daemon.
    Technician = 3,
    /// Asks for access.
    Member = 4,
}

impl Role {
    /// Every role that this rules version knows, in order.
    pub const ALL: [Self; 4] = [Self::Trustee, Self::Mediator, Self::Technician, Self::Member];

    /// The role with this number.
    pub fn from_number(number: u32) -> Result<Self, BadRoles> {
        Self::ALL.into_iter().find(|role| role.number() == number).ok_or(BadRoles::Unknown(number))
    }

    /// The number on the wire.
    pub fn number(self) -> u32 {
        self as u32
    }

    /// The name on the command line and in exports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trustee => "trustee",
            Self::Mediator => "mediator",
            Self::Technician => "technician",
            Self::Member => "member",
        }
    }

    /// The role with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == name)
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// At least one role, and not mediator and trustee at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Roles(BTreeSet<Role>);

impl Roles {
    /// Refuses no roles, and mediator with trustee. Repetition in `roles` does not matter.
    pub fn new(roles: impl IntoIterator<Item = Role>) -> Result<Self, BadRoles> {
        let roles: BTreeSet<Role> = roles.into_iter().collect();
        if roles.is_empty() {
            return Err(BadRoles::Empty);
        }
        if roles.contains(&Role::Mediator) && roles.contains(&Role::Trustee) {
            return Err(BadRoles::MediatorAndTrustee);
        }
        Ok(Self(roles))
    }

    /// Parses the wire form: known numbers, ascending, each once.
    pub fn from_numbers(numbers: &[u32]) -> Result<Self, BadRoles> {
        if !numbers.is_sorted_by(|a, b| a < b) {
            return Err(BadRoles::NotSorted);
        }
        let roles = numbers.iter().map(|n| Role::from_number(*n)).collect::<Result<Vec<_>, _>>()?;
        Self::new(roles)
    }

    /// The wire form.
    pub fn to_numbers(&self) -> Vec<u32> {
        self.iter().map(Role::number).collect()
    }

    /// Whether this role is among them.
    pub fn contains(&self, role: Role) -> bool {
        self.0.contains(&role)
    }

    /// The roles, in ascending order of their numbers.
    pub fn iter(&self) -> impl Iterator<Item = Role> + '_ {
        self.0.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_roles_have_one_spelling_and_refuse_judge_and_party() {
        assert_eq!(Roles::from_numbers(&[]), Err(BadRoles::Empty));
        assert_eq!(Roles::from_numbers(&[0]), Err(BadRoles::Unknown(0)));
        assert_eq!(Roles::from_numbers(&[4, 5]), Err(BadRoles::Unknown(5)));
        assert_eq!(Roles::from_numbers(&[3, 1]), Err(BadRoles::NotSorted));
        assert_eq!(Roles::from_numbers(&[3, 3]), Err(BadRoles::NotSorted));
        assert_eq!(Roles::from_numbers(&[1, 2]), Err(BadRoles::MediatorAndTrustee));
        let roles = Roles::from_numbers(&[1, 3, 4]).unwrap();
        assert!(roles.contains(Role::Technician) && !roles.contains(Role::Mediator));
        assert_eq!(roles.to_numbers(), [1, 3, 4]);
    }

    #[test]
    fn names_and_numbers_round_trip() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.as_str()), Some(role));
            assert_eq!(Role::from_number(role.number()), Ok(role));
        }
    }
}
