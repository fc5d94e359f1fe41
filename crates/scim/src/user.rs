//! People as they are written and read. A body and what a patch made of a document go through [`read`] alike.
use portcullis_domain::scim::{EXTERNAL_ID, Listing, Person, Provisioned};
use portcullis_domain::value::Email;
use portcullis_domain::{Id, Result};
use serde_json::{Map, Value, json};

use crate::Fault;
use crate::attribute::{ENTERPRISE, ENTERPRISE_ATTRIBUTES, USER, USER_ATTRIBUTES, find};
use crate::message::member;
use crate::patch::{self, is_primary, known};
use crate::read::{boolean, line};

const NAME: usize = 200;
const PART: usize = 100;
const USER_NAME: usize = 254;

/// Reads a person from a body; what is not kept is passed over.
pub fn read(body: &Map<String, Value>) -> Result<Person> {
    let missing = |name: &str, why: &str| Fault::InvalidValue.because(format!("{name}: {why}"));
    let user_name = line("userName", member(body, "userName"), USER_NAME)?;
    let user_name = user_name.ok_or_else(|| missing("userName", "This is required."))?;
    let name = match member(body, "name") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(parts)) => parts.clone(),
        Some(_) => return Err(missing("name", "this must be an object.")),
    };
    let email = match primary(member(body, "emails"))? {
        Some(address) => Email::parse(&address).map_err(|e| missing("emails", e))?,
        None => Email::parse(&user_name)
            .map_err(|_| missing("emails", "An e-mail address is needed: send one here, or one as userName."))?,
    };
    Ok(Person {
        listing: Listing {
            user_name,
            display_name: line("displayName", member(body, "displayName"), NAME)?,
            formatted: line("name.formatted", member(&name, "formatted"), NAME)?,
            active: boolean("active", member(body, "active"))?.unwrap_or(true),
        },
        email,
        first_name: line("name.givenName", member(&name, "givenName"), PART)?,
        last_name: line("name.familyName", member(&name, "familyName"), PART)?,
        external_id: line("externalId", member(body, "externalId"), EXTERNAL_ID)?,
        manager: manager(body)?,
    })
}

/// The address that counts: the primary one, else that of type `work`, else the first.
fn primary(emails: Option<&Value>) -> Result<Option<String>> {
    let wrong = || Fault::InvalidValue.because("emails: a list of objects with a value.");
    let list = match emails {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(all)) => all.iter().collect(),
        Some(one) => vec![one],
    };
    let attribute = find(USER_ATTRIBUTES, "emails");
    let parts = attribute.map_or(&[][..], |a| a.parts);
    attribute.map_or(Ok(()), |a| patch::few(a, list.len()))?;
    let mut found: Vec<Map<String, Value>> = vec![];
    for one in list {
        let Value::Object(one) = one else { return Err(wrong()) };
        let one = known(parts, one);
        if line("emails.value", one.get("value"), USER_NAME)?.is_some() {
            found.push(one);
        }
    }
    let work =
        |v: &&Map<String, Value>| v.get("type").and_then(Value::as_str).is_some_and(|t| t.eq_ignore_ascii_case("work"));
    let chosen = found.iter().find(|v| is_primary(v)).or_else(|| found.iter().find(work)).or_else(|| found.first());
    Ok(chosen.and_then(|v| v.get("value")?.as_str()).map(ToOwned::to_owned))
}

fn manager<T>(body: &Map<String, Value>) -> Result<Option<Id<T>>> {
    let Some(Value::Object(extension)) = member(body, ENTERPRISE) else { return Ok(None) };
    let named = match member(extension, "manager") {
        Some(Value::Object(m)) => {
            let parts = find(ENTERPRISE_ATTRIBUTES, "manager").map_or(&[][..], |a| a.parts);
            let m = known(parts, m);
            let by_place = line("manager.$ref", m.get("$ref"), 2_048)?;
            let by_place = by_place.and_then(|r| r.rsplit('/').next().map(ToOwned::to_owned));
            line("manager.value", m.get("value"), 255)?.or(by_place)
        }
        other => line("manager", other, 255)?,
    };
    named.map(|id| id.parse().map_err(|_| no_manager())).transpose()
}
/// 400 for a manager whom the connection did not make.
pub fn no_manager() -> portcullis_domain::Error {
    Fault::InvalidValue.because("manager.value: this must be the id of a user of this connection.")
}

/// A person as they are shown; `base` is where `/Users` is.
pub fn write(p: &Provisioned, base: &str) -> Map<String, Value> {
    let (u, l) = (&p.user, &p.listing);
    let place = |id: &str| format!("{base}/Users/{id}");
    let id = u.id.to_string();
    let mut out = Map::new();
    let mut schemas = vec![USER];
    if u.manager_id.is_some() {
        schemas.push(ENTERPRISE);
    }
    out.insert("schemas".into(), json!(schemas));
    out.insert("id".into(), json!(id));
    let texts = |all: [(&str, &Option<String>); 3]| -> Map<String, Value> {
        all.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))).collect()
    };
    if let Some(external_id) = &u.external_id {
        out.insert("externalId".into(), json!(external_id));
    }
    out.insert("userName".into(), json!(l.user_name));
    let name = texts([("formatted", &l.formatted), ("familyName", &u.last_name), ("givenName", &u.first_name)]);
    if !name.is_empty() {
        out.insert("name".into(), Value::Object(name));
    }
    if let Some(display_name) = &l.display_name {
        out.insert("displayName".into(), json!(display_name));
    }
    out.insert("active".into(), json!(u.state.is_active()));
    out.insert("emails".into(), json!([{ "value": &*u.email, "type": "work", "primary": true }]));
    if let Some(manager) = u.manager_id {
        let manager = manager.to_string();
        out.insert(ENTERPRISE.into(), json!({ "manager": { "value": manager, "$ref": place(&manager) } }));
    }
    out.insert(
        "meta".into(),
        json!({
            "resourceType": "User", "created": u.created_at, "lastModified": u.updated_at, "location": place(&id),
            "version": format!("\"{}\"", u.revision),
        }),
    );
    out
}

/// A patch of a person.
pub struct Patch(Vec<patch::Operation>);
impl Patch {
    /// Reads a body.
    pub fn read(body: &Map<String, Value>) -> Result<Self> {
        patch::operations(body, patch::OF_USERS).map(Self)
    }
    /// The person as the patch wants them.
    pub fn apply(&self, before: &Provisioned) -> Result<Person> {
        let mut document = write(before, "");
        // what is not patched is what the directory said, not what became of it
        document.insert("active".into(), json!(before.listing.active));
        let was = document.clone();
        for operation in &self.0 {
            patch::apply(&mut document, operation)?;
        }
        let moved = |name: &str| document.get(name) != was.get(name);
        let named_by_address = before.listing.user_name.eq_ignore_ascii_case(&before.user.email);
        if moved("userName") && !moved("emails") && named_by_address {
            // the directory names people by their address and sends no other
            document.remove("emails");
        }
        read(&document)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portcullis_domain::user::{AuthProvider, User, UserState};
    use portcullis_domain::value::Slug;
    use portcullis_domain::{Roles, Timestamp};
    use uuid::Uuid;

    fn ada() -> Provisioned {
        let body = json!({ "userName": "Ada@corp.example", "externalId": "00u1", "name": { "givenName": "Ada", "familyName": "Lovelace" } });
        known_as(&body)
    }
    fn known_as(body: &Value) -> Provisioned {
        let p = read(body.as_object().unwrap()).unwrap();
        let now = Timestamp::from_micros(1_000_000);
        let title = p.title();
        Provisioned {
            user: User {
                id: Id::from_uuid(Uuid::from_u128(7)),
                slug: Slug::stored("ada"),
                title,
                auth_provider: AuthProvider::Oidc,
                identity_provider_id: None,
                state: if p.listing.active { UserState::Active } else { UserState::Suspended },
                email_verified: true,
                roles: Roles::NONE,
                is_owner: false,
                avatar: None,
                external_id: p.external_id,
                manager_id: p.manager,
                metadata: Map::new(),
                first_name: p.first_name,
                last_name: p.last_name,
                display_name: None,
                last_login_at: None,
                mfa_enrolled: false,
                created_at: now,
                updated_at: now,
                revision: 3,
                email: p.email,
            },
            listing: p.listing,
        }
    }
    fn patched(operations: Value) -> Result<Person> {
        let body = json!({ "schemas": [crate::message::PATCH_OP], "Operations": operations });
        Patch::read(body.as_object().unwrap())?.apply(&ada())
    }
    fn one(op: &str, path: &str, value: Value) -> Person {
        patched(json!([{ "op": op, "path": path, "value": value }])).unwrap_or_else(|e| panic!("{op} {path}: {e}"))
    }
    fn fault(operations: Value) -> String {
        patched(operations).unwrap_err().details()["scim_type"].as_str().unwrap().to_owned()
    }
    const MANAGER: &str = "0199c0de-0000-7000-8000-00000000dead";

    #[test]
    fn sec_14_a_person_has_at_most_a_hundred_values_of_anything() {
        let many = |n: usize, from: usize| -> Vec<Value> {
            (from..from + n).map(|n| json!({ "value": format!("a{n}@corp.example") })).collect()
        };
        let body = |n: usize| json!({ "userName": "ada@corp.example", "emails": many(n, 0) });
        assert!(read(body(100).as_object().unwrap()).is_ok());
        let e = read(body(101).as_object().unwrap()).unwrap_err();
        assert_eq!(e.details()["scim_type"], "tooMany");
        let add = |n: usize, from: usize| json!({ "op": "add", "path": "emails", "value": many(n, from) });
        assert!(patched(json!([add(99, 0)])).is_ok(), "and the one that was there");
        assert_eq!(fault(json!([add(100, 0)])), "tooMany");
        assert_eq!(fault(json!([add(101, 0)])), "tooMany");
        // not for a moment
        assert_eq!(fault(json!([add(60, 0), add(60, 60), { "op": "remove", "path": "emails" }])), "tooMany");
        let replace = json!({ "op": "replace", "value": { "emails": many(101, 0) } });
        assert_eq!(fault(json!([replace])), "tooMany");
        let demanded: Vec<Value> = (0..100)
            .map(|n| json!({ "op": "add", "path": format!("emails[type eq \"t{n}\"].value"), "value": "a@corp.example" }))
            .collect();
        assert_eq!(fault(json!(demanded)), "tooMany");
        let terms = |n: usize| format!("emails[{}].type", vec!["type eq \"work\""; n].join(" or "));
        assert_eq!(fault(json!([{ "op": "replace", "path": terms(21), "value": "x" }])), "invalidPath");
        assert!(patched(json!([{ "op": "replace", "path": terms(20), "value": "x" }])).is_ok());
        // what is copied to each of them is short
        for long in [json!("x".repeat(1_025)), json!(["x"]), json!({ "x": "y" })] {
            for op in [
                json!({ "op": "replace", "path": "emails.type", "value": long }),
                json!({ "op": "add", "path": "emails[type eq \"work\"].type", "value": long }),
                json!({ "op": "add", "path": "emails", "value": [{ "value": "b@corp.example", "type": long }] }),
            ] {
                assert_eq!(fault(json!([op])), "invalidValue");
            }
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let full = json!({
            "userName": "ada", "displayName": "A", "active": false, "externalId": "x", "emails": [{ "value": "ada@corp.example" }],
            "name": { "formatted": "F", "givenName": "G", "familyName": "L" }, ENTERPRISE: { "manager": { "value": MANAGER } },
        });
        for p in [ada(), known_as(&full)] {
            let again = read(&write(&p, "https://id.example/scim/v2")).unwrap();
            assert_eq!(known_as(&Value::Object(write(&p, ""))).listing, p.listing);
            assert_eq!((again.email, again.manager), (p.user.email.clone(), p.user.manager_id));
        }
        let shown = write(&known_as(&full), "https://id.example/scim/v2");
        assert_eq!(shown["schemas"], json!([USER, ENTERPRISE]));
        assert_eq!(shown[ENTERPRISE]["manager"]["$ref"], format!("https://id.example/scim/v2/Users/{MANAGER}"));
        assert_eq!(shown["meta"]["version"], "\"3\"");
        assert_eq!(shown["active"], false);
    }

    #[test]
    fn the_primary_address_counts_then_that_of_work() {
        let email = |emails: Value| {
            let body = json!({ "userName": "u@corp.example", "emails": emails });
            read(body.as_object().unwrap()).map(|p| p.email.to_string())
        };
        let (home, work, other) = (
            json!({ "value": "h@corp.example", "type": "home" }),
            json!({ "VALUE": "W@corp.example", "Type": "Work" }),
            json!({ "value": "o@corp.example", "primary": "True" }),
        );
        assert_eq!(email(json!([home, work, other])).unwrap(), "o@corp.example");
        assert_eq!(email(json!([home, work])).unwrap(), "w@corp.example");
        assert_eq!(email(json!([home])).unwrap(), "h@corp.example");
        assert_eq!(email(json!([])).unwrap(), "u@corp.example");
        assert_eq!(email(json!([{ "type": "work" }])).unwrap(), "u@corp.example");
        assert!(email(json!(["a@b.c"])).is_err() && email(json!([{ "value": "no address" }])).is_err());
    }

    #[test]
    fn a_body_is_refused_with_the_name_of_what_is_wrong() {
        for (body, name) in [
            (json!({}), "userName"),
            (json!({ "userName": " " }), "userName"),
            (json!({ "userName": "ada" }), "emails"),
            (json!({ "userName": "a@b.c", "active": "perhaps" }), "active"),
            (json!({ "userName": "a@b.c", "name": "Ada" }), "name"),
            (json!({ "userName": "a@b.c", "externalId": 5 }), "externalId"),
            (json!({ "userName": "a@b.c", "displayName": "x".repeat(201) }), "displayName"),
            (json!({ "userName": "a@b.c", ENTERPRISE: { "manager": { "value": "boss" } } }), "manager"),
        ] {
            let e = read(body.as_object().unwrap()).unwrap_err();
            assert_eq!(e.details()["scim_type"], "invalidValue", "{body}");
            assert!(e.message().starts_with(name), "{body}: {}", e.message());
        }
    }

    #[test]
    fn what_directories_patch_is_understood() {
        assert!(!one("Replace", "active", json!("False")).listing.active);
        assert!(!one("replace", "active", json!(false)).listing.active);
        assert!(!patched(json!([{ "op": "replace", "value": { "active": false } }])).unwrap().listing.active);
        assert_eq!(one("add", "displayName", json!("Countess")).listing.display_name.as_deref(), Some("Countess"));
        assert_eq!(one("replace", "name.familyName", json!("King")).last_name.as_deref(), Some("King"));
        let both = one("replace", "name", json!({ "familyName": "King" }));
        assert_eq!((both.first_name.as_deref(), both.last_name.as_deref()), (Some("Ada"), Some("King")));
        for path in [
            r#"emails[type eq "work"].value"#,
            "emails[primary eq true].value",
            "emails.value",
            r#"EMAILS[TYPE EQ "Work"].VALUE"#,
            "urn:ietf:params:scim:schemas:core:2.0:User:emails[type eq \"work\"].value",
        ] {
            let p = one("Replace", path, json!("countess@corp.example"));
            assert_eq!((&*p.email, &*p.listing.user_name), ("countess@corp.example", "Ada@corp.example"), "{path}");
        }
        let dotted = json!([{ "op": "Add", "value": {
            "name.givenName": "Augusta", r#"emails[type eq "work"].value"#: "augusta@corp.example", "surprise": 1, "id": "5",
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department": "Engines",
            ENTERPRISE: { "manager": { "value": MANAGER }, "costCenter": "7" },
        } }]);
        let p = patched(dotted).unwrap();
        assert_eq!((p.first_name.as_deref(), &*p.email), (Some("Augusta"), "augusta@corp.example"));
        assert_eq!(p.manager.unwrap().to_string(), MANAGER);
        for (path, value) in [
            (format!("{ENTERPRISE}:manager"), json!(MANAGER)),
            (format!("{ENTERPRISE}:manager"), json!({ "value": MANAGER })),
            (format!("{ENTERPRISE}:manager.value"), json!(MANAGER)),
            (ENTERPRISE.to_owned(), json!({ "manager": { "$ref": format!("../Users/{MANAGER}") } })),
        ] {
            assert_eq!(one("add", &path, value).manager.map(|m| m.to_string()).as_deref(), Some(MANAGER), "{path}");
        }
        assert_eq!(one("replace", &format!("{ENTERPRISE}:manager"), json!("")).manager, None);
        for path in
            ["title", "phoneNumbers[type eq \"work\"].value", "name.middleName", "password", "addresses.locality"]
        {
            let p = one("Add", path, json!("x"));
            assert_eq!(p, read(&write(&ada(), "")).unwrap(), "{path} is not kept");
        }
    }

    #[test]
    fn an_address_follows_the_name_that_it_was() {
        let p = one("replace", "userName", json!("countess@corp.example"));
        assert_eq!((&*p.email, &*p.listing.user_name), ("countess@corp.example", "countess@corp.example"));
        assert_eq!(fault(json!([{ "op": "replace", "path": "userName", "value": "countess" }])), "invalidValue");
        // unless another one is sent with it
        let p = patched(json!([
            { "op": "replace", "path": "userName", "value": "countess" },
            { "op": "replace", "path": r#"emails[type eq "work"].value"#, "value": "c@corp.example" },
        ]));
        assert_eq!(p.unwrap().listing.user_name, "countess");
    }

    #[test]
    fn addresses_are_added_and_taken_away() {
        let second = json!([{ "value": "b@corp.example", "type": "home" }]);
        assert_eq!(&*one("add", "emails", second).email, "ada@corp.example", "the primary one is still that");
        let second = json!({ "value": "b@corp.example", "primary": true });
        assert_eq!(&*one("add", "emails", second).email, "b@corp.example");
        assert_eq!(&*one("remove", "emails", Value::Null).email, "ada@corp.example", "the userName is one");
        assert_eq!(&*one("remove", r#"emails[type eq "work"]"#, Value::Null).email, "ada@corp.example");
        let twice = patched(json!([
            { "op": "remove", "path": "emails" },
            { "op": "add", "path": r#"emails[type eq "work"].value"#, "value": "c@corp.example" },
        ]));
        assert_eq!(&*twice.unwrap().email, "c@corp.example");
    }

    #[test]
    fn what_a_patch_cannot_do_is_said_in_the_words_of_the_rfc() {
        for (operations, word) in [
            (json!([]), "tooMany"),
            (json!([{ "op": "move", "path": "active" }]), "invalidSyntax"),
            (json!([{ "op": "remove" }]), "noTarget"),
            (json!([{ "op": "replace", "value": "x" }]), "invalidValue"),
            (json!([{ "op": "replace", "path": "surprise", "value": "x" }]), "invalidPath"),
            (json!([{ "op": "replace", "path": "emails[", "value": "x" }]), "invalidPath"),
            (json!([{ "op": "replace", "path": "userName[type eq \"a\"]", "value": "x" }]), "invalidPath"),
            (json!([{ "op": "replace", "path": "urn:other:1.0:User:tag", "value": "x" }]), "invalidPath"),
            (json!([{ "op": "replace", "path": "id", "value": "x" }]), "mutability"),
            (json!([{ "op": "replace", "path": "meta.created", "value": "x" }]), "mutability"),
            (json!([{ "op": "remove", "path": "userName" }]), "invalidValue"),
            (json!([{ "op": "replace", "path": r#"emails[type sw "x"].value"#, "value": "a@b.c" }]), "noTarget"),
            (json!([{ "op": "replace", "path": "active", "value": "perhaps" }]), "invalidValue"),
            (json!([{ "op": "replace", "path": "displayName", "value": { "a": 1 } }]), "invalidValue"),
            (json!(vec![json!({ "op": "remove", "path": "title" }); 101]), "tooMany"),
        ] {
            assert_eq!(fault(operations.clone()), word, "{operations}");
        }
        let e = Patch::read(&Map::new()).err().unwrap();
        assert_eq!(e.details()["scim_type"], "invalidSyntax");
    }
}
