//! The built-in roles of a tenant (spec v1 part 5).
use std::fmt;

/// One built-in role. Roles do not imply one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// Every person.
    User,
    /// May decide on requests where the default stage names the role.
    Approver,
    /// Administers the tenant.
    Admin,
    /// May check access for others; given by Frontier's AddPlatformUser(member), never shown on `/v1` (decision 17).
    Checker,
}
impl Role {
    /// The three that `/v1` shows, in the order in which they are answered.
    pub const PUBLIC: [Self; 3] = [Self::User, Self::Approver, Self::Admin];
    const ALL: [Self; 4] = [Self::User, Self::Approver, Self::Admin, Self::Checker];
    /// The word in the API, in the database's audit rows and in Cedar (`Role::"admin"`).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::Checker => "checker",
        }
    }
    /// Reads one of the three public words.
    pub fn parse(s: &str) -> Option<Self> {
        Self::PUBLIC.into_iter().find(|r| r.as_str() == s)
    }
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}
impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A set of roles, as one small number.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Roles(u8);
impl Roles {
    /// No role.
    pub const NONE: Self = Self(0);
    /// The number that is stored.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }
    /// From the stored number; bits that mean nothing are dropped.
    pub const fn from_bits(bits: i64) -> Self {
        Self((bits & 0b1111) as u8)
    }
    /// Does it hold this role?
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }
    /// This set and one role.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }
    /// This set without one role.
    #[must_use]
    pub const fn without(self, role: Role) -> Self {
        Self(self.0 & !role.bit())
    }
    /// What is in either of the two.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    /// What is in exactly one of the two: given or taken.
    #[must_use]
    pub const fn changed(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }
    /// No role at all?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// Its roles in the order of [`Role`].
    pub fn iter(self) -> impl Iterator<Item = Role> {
        Role::ALL.into_iter().filter(move |r| self.has(*r))
    }
    /// Its public roles, in the order in which `/v1` answers them.
    pub fn public(self) -> impl Iterator<Item = Role> {
        Role::PUBLIC.into_iter().filter(move |r| self.has(*r))
    }
}
impl FromIterator<Role> for Roles {
    fn from_iter<I: IntoIterator<Item = Role>>(roles: I) -> Self {
        roles.into_iter().fold(Self::NONE, Self::with)
    }
}
impl fmt::Debug for Roles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
