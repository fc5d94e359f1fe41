//! From an event to its canonical bytes, in one pass and off the writer.
use std::fmt::Write as _;

use portcullis_domain::{Credential, Ctx, Id, Principal, Subject, api_key::KeyOwner, audit::Event, user::User};
use serde_json::{Map, Value};

use crate::{
    Prepared, jcs,
    private::{self, Salt},
};

/// Makes an event canonical for this request. `salt` is 32 fresh random bytes.
///
/// The members are written in the order of RFC 8785 3.2.3 (all names are ASCII). The result depends on nothing but the
/// arguments, so that a use case that runs again writes the same bytes.
pub fn prepare(cx: &Ctx, event: Event, salt: [u8; 32]) -> Prepared {
    let actor = Actor::of(&cx.principal);
    let at = event.at.unwrap_or(cx.now);
    let organization = organization(event.resource_type, &event.resource_id, Some(&event.metadata));
    let name = Some(&*cx.principal.name).filter(|n| !n.is_empty());
    let ip = cx.ip.map(|ip| ip.to_canonical().to_string());
    let mut w = Writer::new(&salt);
    w.text("{\"action\":", event.action);
    w.text(",\"actor_id\":", &actor.id);
    w.personal_text(",\"actor_name\":", "actor_name", name);
    w.text(",\"actor_type\":", actor.kind);
    w.personal_map(",\"changes\":", "changes", &event.changes);
    w.plain(",\"created_at\":", at);
    w.optional(",\"credential_type\":", actor.credential);
    w.text(",\"http_request_id\":", &cx.request_id);
    w.plain(",\"id\":", event.id);
    w.personal_text(",\"ip\":", "ip", ip.as_deref());
    w.personal_map(",\"metadata\":", "metadata", &event.metadata);
    w.list(",\"notices\":", &event.notices);
    match actor.on_behalf_of {
        Some(id) => w.plain(",\"on_behalf_of\":", id),
        None => w.body.push_str(",\"on_behalf_of\":null"),
    }
    w.text(",\"outcome\":", event.outcome.as_str());
    w.personal_text(",\"reasoning\":", "reasoning", event.reasoning.as_deref());
    w.text(",\"resource_id\":", &event.resource_id);
    w.text(",\"resource_type\":", event.resource_type);
    w.body.push_str(",\"seq\":");
    let hole = w.body.len();
    w.plain(",\"tenant_id\":", cx.tenant_id);
    // among the private members "salt" stands before "user_agent"
    w.salt(&salt);
    w.personal_text(",\"user_agent\":", "user_agent", cx.user_agent.as_deref());
    w.body.push('}');
    let (body, private) = w.done();
    Prepared {
        id: event.id.uuid(),
        at: at.micros(),
        actor_type: actor.kind,
        actor_id: actor.id,
        action: event.action.to_owned(),
        resource_type: event.resource_type.to_owned(),
        resource_id: event.resource_id,
        outcome: event.outcome.as_str(),
        body: body.into_bytes(),
        hole,
        private,
        organization,
    }
}

/// The organization that an event happened in: of one about an organization, of one whose metadata names it as `organization_id`,
/// and of one about what is held on it (`object`).
pub fn organization(
    resource_type: &str,
    resource_id: &str,
    metadata: Option<&Map<String, Value>>,
) -> Option<uuid::Uuid> {
    let said = |member: &str| metadata?.get(member)?.as_str();
    let text = match resource_type {
        "organization" => Some(resource_id),
        _ => said("organization_id").or_else(|| said("object")?.strip_prefix("app/organization:")),
    };
    text.and_then(|t| t.parse().ok())
}

/// Who it was, in the words of spec v1 3.5.
struct Actor {
    kind: &'static str,
    id: String,
    /// The person behind a key, when that is someone else.
    on_behalf_of: Option<Id<User>>,
    credential: Option<&'static str>,
}
impl Actor {
    fn of(principal: &Principal) -> Self {
        let credential = match &principal.credential {
            Credential::Session { .. } => Some("session"),
            Credential::ApiKey { .. } if matches!(principal.subject, Subject::Directory(_)) => Some("scim"),
            Credential::ApiKey { owner: KeyOwner::User(_), .. } => Some("api_key"),
            Credential::ApiKey { owner: KeyOwner::Service(_), .. } | Credential::Service { .. } => Some("service"),
            Credential::PersonalToken { .. } => Some("pat"),
            Credential::None => None,
        };
        let (kind, id) = match &principal.subject {
            // a token acts as its user, as a key does
            Subject::User(id) if matches!(credential, Some("api_key" | "pat")) => ("api_key", id.to_string()),
            Subject::User(id) => ("user", id.to_string()),
            Subject::ServiceUser(id) => ("service", id.to_string()),
            Subject::Directory(id) => ("scim", id.to_string()),
            Subject::System => ("system", "system".to_owned()),
            Subject::Anonymous => ("anonymous", "anonymous".to_owned()),
        };
        let on_behalf_of = principal.acting_user.filter(|behind| principal.user_id() != Some(*behind));
        Self { kind, id, on_behalf_of, credential }
    }
}

/// Writes body and private part side by side.
struct Writer {
    salts: Salt,
    body: String,
    private: String,
    digests: bool,
}
impl Writer {
    fn new(salt: &[u8; 32]) -> Self {
        let (body, private) = (String::with_capacity(1_100), String::with_capacity(512));
        Self { salts: Salt::new(salt), body, private, digests: false }
    }
    fn text(&mut self, key: &str, text: &str) {
        self.body.push_str(key);
        jcs::write_str(&mut self.body, text);
    }
    fn optional(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => {
                self.body.push_str(key);
                self.body.push_str("null");
            }
        }
    }
    /// Something whose text needs no escapes: an id, a time.
    fn plain(&mut self, key: &str, value: impl std::fmt::Display) {
        let _ = write!(self.body, "{key}\"{value}\""); // a String takes all
    }
    fn list(&mut self, key: &str, texts: &[String]) {
        self.body.push_str(key);
        self.body.push('[');
        for (i, text) in texts.iter().enumerate() {
            if i > 0 {
                self.body.push(',');
            }
            jcs::write_str(&mut self.body, text);
        }
        self.body.push(']');
    }
    fn personal_text(&mut self, key: &str, field: &str, text: Option<&str>) {
        match text {
            Some(text) => self.personal(key, field, |out| jcs::write_str(out, text)),
            None => self.optional(key, None),
        }
    }
    fn personal_map(&mut self, key: &str, field: &str, map: &Map<String, Value>) {
        if map.is_empty() {
            self.body.push_str(key);
            self.body.push_str("{}");
        } else {
            self.personal(key, field, |out| jcs::write_map(out, map));
        }
    }
    /// The value goes to the private part, its digest to the body.
    fn personal(&mut self, key: &str, field: &str, write: impl FnOnce(&mut String)) {
        self.member(field);
        let from = self.private.len();
        write(&mut self.private);
        let digest = private::digest(&self.salts.of(field), &self.private[from..]);
        self.body.push_str(key);
        self.body.push('"');
        crate::push_hex(&mut self.body, &digest);
        self.body.push('"');
        self.digests = true;
    }
    fn salt(&mut self, salt: &[u8; 32]) {
        self.member("salt");
        jcs::write_str(&mut self.private, &private::write_salt(salt));
    }
    fn member(&mut self, name: &str) {
        self.private.push(if self.private.is_empty() { '{' } else { ',' });
        jcs::write_str(&mut self.private, name);
        self.private.push(':');
    }
    fn done(mut self) -> (String, String) {
        if self.digests {
            self.private.push('}');
        } else {
            self.private.clear();
        }
        (self.body, self.private)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{GENESIS, PERSONAL, hex, link};
    use portcullis_domain::{Roles, Timestamp, api_key::Scopes, context::ServiceUser, tenant::TenantKey};
    use serde_json::json;
    use std::sync::Arc;
    use uuid::Uuid;

    pub(crate) const TENANT: Uuid = Uuid::from_u128(0x0199_c0de_0000_7000_8000_0000_0000_0001);

    pub(crate) fn ctx(principal: Principal) -> Ctx {
        Ctx {
            tenant: TenantKey(1),
            tenant_id: Id::from_uuid(TENANT),
            principal: Arc::new(principal),
            request_id: "req-1".into(),
            ip: Some("::ffff:192.0.2.7".parse().unwrap()),
            user_agent: Some("curl/8 \"quoted\"".into()),
            now: Timestamp::from_micros(1_795_339_304_120_583),
            notices: Default::default(),
        }
    }
    fn id<T>(n: u128) -> Id<T> {
        Id::from_uuid(Uuid::from_u128(n))
    }
    pub(crate) fn session() -> Principal {
        let credential = Credential::Session {
            id: id(9),
            auth_time: Timestamp::from_micros(0),
            amr: Arc::from(["pwd".to_owned()]),
            restricted: false,
        };
        let roles = Roles::NONE;
        Principal {
            acting_user: Some(id(1)),
            credential,
            roles,
            ..Principal::bare(Subject::User(id(1)), "Ada Lovelace")
        }
    }
    pub(crate) fn created(n: u128) -> Event {
        let mut event = Event::new(id(n), "user.created", "user", Uuid::from_u128(100 + n))
            .change("email", Value::Null, "grace@example.com")
            .change("roles", Value::Null, json!(["user", "approver"]))
            .with("score", 1.5)
            .with("big", u64::MAX);
        event.reasoning = Some("new hire\n".into());
        event.notices = vec!["Accounts are made by HR.".into()];
        event
    }
    /// The spec's definition, the slow way: serde_json and the reference canonicalizer.
    fn naive(p: &Prepared, seq: i64) -> Vec<u8> {
        let mut body: Value = serde_json::from_slice(&p.canonical(seq)).unwrap();
        let private: Value = serde_json::from_str(&p.private).unwrap();
        let salt = crate::private::Private::parse(&p.private).unwrap();
        for field in PERSONAL {
            if let Some(value) = private.get(field) {
                let canonical = serde_json_canonicalizer::to_vec(value).unwrap();
                body[field] =
                    hex(&portcullis_crypto::sha256(&[&salt.salt(field).unwrap()[..], &canonical].concat())).into();
            }
        }
        serde_json_canonicalizer::to_vec(&body).unwrap()
    }

    #[test]
    fn the_known_answer() {
        let p = prepare(&ctx(session()), created(5), [7; 32]);
        let canonical = String::from_utf8(p.canonical(42)).unwrap();
        assert_eq!(canonical, include_str!("../data/known-canonical.json").trim_end());
        assert_eq!(p.private, include_str!("../data/known-private.json").trim_end());
        assert_eq!(canonical.as_bytes(), naive(&p, 42));
        let first = link(&GENESIS, canonical.as_bytes());
        assert_eq!(hex(&first), include_str!("../data/known-hash.txt").trim_end());
    }

    #[test]
    fn the_body_is_canonical_whatever_is_absent() {
        let mut cx = ctx(Principal::bare(Subject::System, ""));
        (cx.ip, cx.user_agent) = (None, None);
        let p = prepare(&cx, Event::new(id(1), "tenant.created", "tenant", "x"), [0; 32]);
        let body: Value = serde_json::from_slice(&p.canonical(1)).unwrap();
        assert_eq!(serde_json_canonicalizer::to_vec(&body).unwrap(), p.canonical(1));
        assert_eq!(p.private, "", "nothing to erase, nothing kept");
        assert_eq!((&body["ip"], &body["changes"], &body["reasoning"]), (&Value::Null, &json!({}), &Value::Null));
        assert_eq!(body.as_object().unwrap().len(), 20);
    }

    #[test]
    fn who_it_was() {
        let body = |principal| -> Value {
            let p = prepare(&ctx(principal), created(1), [1; 32]);
            serde_json::from_slice(&p.canonical(1)).unwrap()
        };
        let key = |owner| Credential::ApiKey { id: id(3), owner, scopes: Scopes::all(), expires_at: None };
        let of = |b: &Value| ["actor_type", "actor_id", "credential_type", "on_behalf_of"].map(|f| b[f].clone());
        let user = json!(id::<User>(1));
        assert_eq!(of(&body(session())), [json!("user"), user.clone(), json!("session"), Value::Null]);
        let with_key = Principal { credential: key(KeyOwner::User(id(1))), ..session() };
        assert_eq!(of(&body(with_key)), [json!("api_key"), user.clone(), json!("api_key"), Value::Null]);
        let service = Principal {
            acting_user: Some(id(1)),
            credential: key(KeyOwner::Service(id(2))),
            ..Principal::bare(Subject::ServiceUser(id(2)), "ci")
        };
        assert_eq!(of(&body(service)), [json!("service"), json!(id::<ServiceUser>(2)), json!("service"), user]);
        assert_eq!(of(&body(Principal::system())), [json!("system"), json!("system"), Value::Null, Value::Null]);
        assert_eq!(of(&body(Principal::anonymous()))[0], json!("anonymous"));
    }

    #[test]
    fn sec_20_no_personal_value_is_in_the_body() {
        let p = prepare(&ctx(session()), created(1), [1; 32]);
        let body = String::from_utf8(p.body).unwrap();
        for secret in ["Lovelace", "192.0.2.7", "curl", "new hire", "grace@example.com", "score"] {
            assert!(!body.contains(secret) && p.private.contains(secret), "{secret}");
        }
    }
}
