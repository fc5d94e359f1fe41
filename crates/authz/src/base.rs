//! The base layer: `base.cedar`, read once into a table of column × action.
//!
//! The file is what people read and what the oracle evaluates; the table is what decisions read (engine.md 6).
use std::ops::BitOr;
use std::sync::LazyLock;

use cedar_policy::{ActionConstraint, Policy, PolicySet, PrincipalConstraint};
use portcullis_domain::{Role, Roles};

use crate::actions;

/// The file itself.
pub const TEXT: &str = include_str!("base.cedar");

/// A column of the table: a role, or what an owner or a master admin has besides his roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// `user`.
    User,
    /// `approver`.
    Approver,
    /// `admin`.
    Admin,
    /// `checker` (decision 17).
    Checker,
    /// The tenant's owner.
    Owner,
    /// An admin of the master tenant.
    Master,
}
impl Column {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::User, Self::Approver, Self::Admin, Self::Checker, Self::Owner, Self::Master];
    /// The role's name in the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Approver => "approver",
            Self::Admin => "admin",
            Self::Checker => "checker",
            Self::Owner => "owner",
            Self::Master => "master",
        }
    }
    /// The columns that count for a caller.
    pub fn of(roles: Roles, is_owner: bool, in_master: bool) -> impl Iterator<Item = Self> {
        Self::ALL.into_iter().filter(move |c| match c {
            Self::User => roles.has(Role::User),
            Self::Approver => roles.has(Role::Approver),
            Self::Admin => roles.has(Role::Admin),
            Self::Checker => roles.has(Role::Checker),
            Self::Owner => is_owner,
            Self::Master => in_master && roles.has(Role::Admin),
        })
    }
}

/// A cell: everywhere in the tenant, only own, only where named, any union of them, or nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cell(u8);
impl Cell {
    /// `–`.
    pub const NO: Self = Self(0);
    /// `✓`.
    pub const YES: Self = Self(1);
    /// `own`.
    pub const OWN: Self = Self(2);
    /// `named`.
    pub const NAMED: Self = Self(4);
    /// Does it hold all of the other?
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
    /// Nothing at all?
    pub const fn is_no(self) -> bool {
        self.0 == 0
    }
    /// As the spec writes it.
    pub const fn as_str(self) -> &'static str {
        if self.has(Self::YES) {
            return "✓";
        }
        match self.0 {
            2 => "own",
            4 => "named",
            6 => "own, named",
            _ => "–",
        }
    }
}
impl BitOr for Cell {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why `base.cedar` could not be read. Only a change to that file can cause it; a test reads it.
#[derive(Debug, thiserror::Error)]
pub enum BaseError {
    /// Not Cedar.
    #[error("base.cedar does not parse: {0}")]
    Parse(String),
    /// Cedar, but not of the few forms that the table holds.
    #[error("base.cedar: {0} in `{1}`")]
    Form(&'static str, String),
}

struct Table(Vec<[Cell; Column::ALL.len()]>);

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    // The file is compiled in, and the test `the_table_says_what_cedar_says` reads it.
    read(TEXT).unwrap_or_else(|e| unreachable!("{e}"))
});

fn read(text: &str) -> Result<Table, BaseError> {
    let set: PolicySet = text.parse().map_err(|e: cedar_policy::ParseErrors| BaseError::Parse(e.to_string()))?;
    let mut table = Table(vec![[Cell::NO; Column::ALL.len()]; actions::ALL.len()]);
    for policy in set.policies() {
        let form = |what| BaseError::Form(what, policy.to_string());
        if policy.effect() != cedar_policy::Effect::Permit {
            return Err(form("only permits"));
        }
        let PrincipalConstraint::In(role) = policy.principal_constraint() else {
            return Err(form("principal must be `in Role::…`"));
        };
        let column = Column::ALL.into_iter().position(|c| c.as_str() == role.id().unescaped());
        let column = column.ok_or_else(|| form("unknown role"))?;
        let ActionConstraint::In(list) = policy.action_constraint() else {
            return Err(form("action must be `in […]`"));
        };
        let cell = condition(policy).ok_or_else(|| form("unknown condition"))?;
        for action in list {
            let row = actions::index(action.id().unescaped()).ok_or_else(|| form("unknown action"))?;
            table.0[row][column] = table.0[row][column] | cell;
        }
    }
    Ok(table)
}

/// The condition as a cell, if it is one of the four that the file may use.
fn condition(policy: &Policy) -> Option<Cell> {
    let json = policy.to_json().ok()?;
    let clauses = json.get("conditions")?.as_array()?;
    let Some(clause) = clauses.first() else { return Some(Cell::YES) };
    if clauses.len() != 1 || clause.get("kind")? != "when" {
        return None;
    }
    union(clause.get("body")?)
}
fn union(expr: &serde_json::Value) -> Option<Cell> {
    if let Some(or) = expr.get("||") {
        return Some(union(or.get("left")?)? | union(or.get("right")?)?);
    }
    let access = expr.get(".")?;
    if access.get("left")?.get("Var")? != "context" {
        return None;
    }
    match access.get("attr")?.as_str()? {
        "own" => Some(Cell::OWN),
        "named" => Some(Cell::NAMED),
        _ => None,
    }
}

/// The cell of one column and one action (by its place in [`actions::ALL`]).
pub fn cell(column: Column, action: usize) -> Cell {
    TABLE.0[action][column as usize]
}
/// What a caller with these roles has on an action: the union of his columns.
pub fn rights(roles: Roles, is_owner: bool, in_master: bool, action: usize) -> Cell {
    Column::of(roles, is_owner, in_master).fold(Cell::NO, |sum, c| sum | cell(c, action))
}
/// Which roles a caller may give (spec v1 part 5): with `roles:grant` any of the three, with only `users:create` or
/// `users:update` just `user`, else none.
pub fn grantable_roles(may: impl Fn(&str) -> bool) -> Roles {
    if may("roles:grant") {
        Role::PUBLIC.into_iter().collect()
    } else if may("users:create") || may("users:update") {
        Roles::NONE.with(Role::User)
    } else {
        Roles::NONE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_anything_else_is_refused() {
        for bad in [
            "forbid(principal in Role::\"user\", action in [Action::\"users:list\"], resource);",
            "permit(principal, action in [Action::\"users:list\"], resource);",
            "permit(principal in Role::\"king\", action in [Action::\"users:list\"], resource);",
            "permit(principal in Role::\"user\", action in [Action::\"users:fly\"], resource);",
            "permit(principal in Role::\"user\", action in [Action::\"users:list\"], resource) unless { context.own };",
            "permit(principal in Role::\"user\", action in [Action::\"users:list\"], resource) when { context.x };",
            "nonsense",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_that_may_be_given() {
        assert_eq!(grantable_roles(|_| true), Role::PUBLIC.into_iter().collect());
        assert_eq!(grantable_roles(|a| a == "users:create"), Roles::NONE.with(Role::User));
        assert!(grantable_roles(|_| false).is_empty());
    }
}
