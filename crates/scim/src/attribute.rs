//! The attributes that this server keeps, each said once: bodies, paths, patches and `/Schemas` all read these tables.
use serde_json::{Value, json};

/// The schema of a person.
pub const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// Its extension for companies.
pub const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// The schema of a group.
pub const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// What a value is (RFC 7643 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// True or false.
    Boolean,
    /// The address of another resource.
    Reference,
    /// Parts.
    Complex,
}
/// An attribute (RFC 7643 7).
#[derive(Debug)]
pub struct Attribute {
    /// Its name; case does not count.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// What it means here.
    pub about: &'static str,
    /// Has it several values?
    pub multi: bool,
    /// Does a resource always have it?
    pub required: bool,
    /// Does case count?
    pub exact: bool,
    /// `none` or `server`.
    pub uniqueness: &'static str,
    /// Values that are known.
    pub canonical: &'static [&'static str],
    /// What it refers to.
    pub refers_to: &'static [&'static str],
    /// Its parts.
    pub parts: &'static [Attribute],
}
impl Attribute {
    const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self {
            name,
            kind,
            about,
            multi: false,
            required: false,
            exact: false,
            uniqueness: "none",
            canonical: &[],
            refers_to: &[],
            parts: &[],
        }
    }
    const fn text(name: &'static str, about: &'static str) -> Self {
        Self::new(name, Kind::Text, about)
    }
    const fn complex(name: &'static str, about: &'static str, parts: &'static [Attribute]) -> Self {
        Self { parts, ..Self::new(name, Kind::Complex, about) }
    }
    const fn several(self) -> Self {
        Self { multi: true, ..self }
    }
    const fn required(self) -> Self {
        Self { required: true, ..self }
    }
    /// As `/Schemas` tells it.
    pub fn shown(&self) -> Value {
        let kind = match self.kind {
            Kind::Text => "string",
            Kind::Boolean => "boolean",
            Kind::Reference => "reference",
            Kind::Complex => "complex",
        };
        let mut out = json!({
            "name": self.name, "type": kind, "multiValued": self.multi, "description": self.about, "required": self.required,
            "mutability": "readWrite", "returned": "default",
        });
        if self.kind != Kind::Complex && self.kind != Kind::Boolean {
            out["caseExact"] = json!(self.exact);
            out["uniqueness"] = json!(self.uniqueness);
        }
        if !self.canonical.is_empty() {
            out["canonicalValues"] = json!(self.canonical);
        }
        if !self.refers_to.is_empty() {
            out["referenceTypes"] = json!(self.refers_to);
        }
        if !self.parts.is_empty() {
            out["subAttributes"] = self.parts.iter().map(Self::shown).collect();
        }
        out
    }
}

const REF: Attribute = Attribute {
    exact: true,
    refers_to: &["User"],
    ..Attribute::new("$ref", Kind::Reference, "Where that user is found.")
};

/// What a person has, but for what all resources have.
pub static USER_ATTRIBUTES: &[Attribute] = &[
    Attribute {
        uniqueness: "server",
        ..Attribute::text("userName", "How the directory names the person; their address where there is no emails.")
            .required()
    },
    Attribute::complex(
        "name",
        "The parts of the name.",
        &[
            Attribute::text("formatted", "The whole name; what the person is called where there is no displayName."),
            Attribute::text("familyName", "The last name."),
            Attribute::text("givenName", "The first name."),
        ],
    ),
    Attribute::text("displayName", "What the person is called."),
    Attribute::new("active", Kind::Boolean, "False suspends: sessions, keys and tokens of the person end at once.")
        .required(),
    Attribute::complex(
        "emails",
        "The address, in a domain that the connection is trusted for. One is kept: the primary one, else that of type work, else the first.",
        &[
            Attribute { uniqueness: "server", ..Attribute::text("value", "The address.").required() },
            Attribute { canonical: &["work"], ..Attribute::text("type", "Always work.") },
            Attribute::new("primary", Kind::Boolean, "Always true."),
        ],
    )
    .several()
    .required(),
];
/// What the extension adds.
pub static ENTERPRISE_ATTRIBUTES: &[Attribute] = &[Attribute::complex(
    "manager",
    "The person's manager, who is a user of this connection.",
    &[Attribute { exact: true, ..Attribute::text("value", "The id of that user.") }, REF],
)];
/// What a group has, but for what all resources have.
pub static GROUP_ATTRIBUTES: &[Attribute] = &[
    Attribute {
        uniqueness: "server",
        ..Attribute::text("displayName", "The name, at most 120 characters; unique in the tenant, whatever the case.")
            .required()
    },
    Attribute::complex(
        "members",
        "Who is in the group: users of this connection.",
        &[
            Attribute { exact: true, ..Attribute::text("value", "The id of that user.") },
            REF,
            Attribute { canonical: &["User"], ..Attribute::text("type", "Always User.") },
        ],
    )
    .several(),
];
static EXTERNAL_ID: Attribute = Attribute { exact: true, ..Attribute::text("externalId", "The directory's own id.") };

/// Names of RFC 7643 4.1 and 4.3 that directories send and this server does not keep.
const NOT_KEPT: &[&str] = &[
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "password",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
    "groups",
    "entitlements",
    "roles",
    "x509Certificates",
];
const ENTERPRISE_NOT_KEPT: &[&str] = &["employeeNumber", "costCenter", "organization", "division", "department"];

/// Where an attribute stands in a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the resource itself.
    Core,
    /// In the extension.
    Enterprise,
}
/// What a path names.
#[derive(Clone, Copy, Debug)]
pub enum Named {
    /// Something that is kept.
    Kept(Place, &'static Attribute, Option<&'static Attribute>),
    /// Something that others keep.
    NotKept,
    /// Something that only the server writes.
    ReadOnly,
    /// The whole extension.
    Extension,
}

/// The attribute of this name.
pub fn find(table: &'static [Attribute], name: &str) -> Option<&'static Attribute> {
    table.iter().find(|a| a.name.eq_ignore_ascii_case(name))
}
fn among(names: &[&str], name: &str) -> bool {
    names.iter().any(|n| n.eq_ignore_ascii_case(name))
}

/// What a person's path names; `None`: nothing.
pub fn of_user(urn: Option<&str>, name: &str, part: Option<&str>) -> Option<Named> {
    let enterprise = match urn {
        None => false,
        Some(urn) if urn.eq_ignore_ascii_case(USER) => false,
        Some(urn) if urn.eq_ignore_ascii_case(ENTERPRISE) => true,
        // the urn by itself, read as one of its own names
        Some(urn) => {
            return format!("{urn}:{name}").eq_ignore_ascii_case(ENTERPRISE).then_some(Named::Extension);
        }
    };
    let (place, table, others) = match enterprise {
        true => (Place::Enterprise, ENTERPRISE_ATTRIBUTES, ENTERPRISE_NOT_KEPT),
        false => (Place::Core, USER_ATTRIBUTES, NOT_KEPT),
    };
    kept(place, table, name, part).or_else(|| among(others, name).then_some(Named::NotKept))
}
/// What a group's path names; `None`: nothing.
pub fn of_group(urn: Option<&str>, name: &str, part: Option<&str>) -> Option<Named> {
    match urn {
        Some(urn) if !urn.eq_ignore_ascii_case(GROUP) => None,
        _ => kept(Place::Core, GROUP_ATTRIBUTES, name, part),
    }
}
fn kept(place: Place, table: &'static [Attribute], name: &str, part: Option<&str>) -> Option<Named> {
    if place == Place::Core && among(&["id", "meta", "schemas"], name) {
        return Some(Named::ReadOnly);
    }
    let common = (place == Place::Core && name.eq_ignore_ascii_case(EXTERNAL_ID.name)).then_some(&EXTERNAL_ID);
    let attribute = find(table, name).or(common)?;
    match part {
        None => Some(Named::Kept(place, attribute, None)),
        Some(part) => match find(attribute.parts, part) {
            Some(part) => Some(Named::Kept(place, attribute, Some(part))),
            // such as name.middleName or emails.display
            None if attribute.kind == Kind::Complex => Some(Named::NotKept),
            None => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whatever_their_case() {
        let name = |urn, n, p| match of_user(urn, n, p) {
            Some(Named::Kept(place, a, p)) => format!("{place:?} {} {}", a.name, p.map_or("", |p| p.name)),
            Some(other) => format!("{other:?}"),
            None => "none".into(),
        };
        assert_eq!(name(None, "USERNAME", None), "Core userName ");
        assert_eq!(name(Some(USER), "emails", Some("VALUE")), "Core emails value");
        assert_eq!(name(Some(ENTERPRISE), "manager", Some("value")), "Enterprise manager value");
        assert_eq!(name(Some(ENTERPRISE), "Department", None), "NotKept");
        assert_eq!(name(None, "manager", None), "none", "an extension's names need its urn");
        assert_eq!(name(None, "externalid", None), "Core externalId ");
        assert_eq!(name(None, "meta", Some("created")), "ReadOnly");
        assert_eq!(name(None, "surprise", None), "none");
        assert_eq!(name(None, "name", Some("middleName")), "NotKept");
        assert_eq!(name(None, "displayName", Some("value")), "none");
        let (urn, last) = ENTERPRISE.rsplit_once(':').unwrap();
        assert_eq!(name(Some(urn), last, None), "Extension");
        assert!(of_group(Some(USER), "displayName", None).is_none());
        assert!(matches!(of_group(Some(GROUP), "members", None), Some(Named::Kept(..))));
    }
}
