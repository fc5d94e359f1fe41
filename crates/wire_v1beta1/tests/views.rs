//! The messages that are written and read by hand equal what the descriptor says.
#![allow(clippy::unwrap_used, reason = "a failed test may panic")]
use portcullis_domain::meta_schema::MetaSchema;
use portcullis_domain::organization::State;
use portcullis_domain::service_user::ServiceUser;
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::{Email, Slug};
use portcullis_domain::{Id, Roles, Timestamp};
use portcullis_wire_v1beta1::{
    CreateUserRequest, Messages, MetaSchemaView, ServiceUserView, UserView, View, Zeros, json, structure, write,
};
use serde_json::{Value, json};

fn same_as_the_descriptor(name: &'static str, view: &impl View) {
    for zeros in [Zeros::Written, Zeros::LeftOut] {
        let text = write(view, zeros);
        let message = json::read_strictly(Messages::named(name), &text)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&text)));
        let by_descriptor: Value = serde_json::from_slice(&json::write(&message, zeros)).unwrap();
        assert_eq!(serde_json::from_slice::<Value>(&text).unwrap(), by_descriptor);
    }
}

fn user(title: &str, avatar: Option<&str>, metadata: Value) -> User {
    let at = Timestamp::from_micros(1_709_461_800_120_000);
    User {
        id: Id::from_uuid("0199c1b2-7d4e-7c3a-9b1f-3f2a8c5d6e70".parse().unwrap()),
        email: Email::stored("ada@example.com"),
        slug: Slug::stored("ada"),
        title: title.into(),
        auth_provider: AuthProvider::Local,
        identity_provider_id: None,
        state: UserState::Active,
        email_verified: false,
        roles: Roles::NONE,
        is_owner: false,
        avatar: avatar.map(Into::into),
        external_id: None,
        manager_id: None,
        metadata: metadata.as_object().unwrap().clone(),
        first_name: None,
        last_name: None,
        display_name: None,
        last_login_at: None,
        mfa_enrolled: false,
        created_at: at,
        updated_at: Timestamp::from_micros(1_709_461_800_000_000),
        revision: 1,
    }
}

#[test]
fn users() {
    same_as_the_descriptor("User", &UserView(&user("", None, json!({}))));
    same_as_the_descriptor(
        "User",
        &UserView(&user(
            "Ada \"L\"\n",
            Some("https://x"),
            json!({ "n": 5, "half": 0.5, "deep": { "list": [null, "ü"] } }),
        )),
    );
}

#[test]
fn the_seed_pages_answer() {
    let u = user("John Doe", Some("https://example.com/avatars/john.jpg"), json!({ "department": "Engineering" }));
    let text: Value = serde_json::from_slice(&write(&UserView(&u), Zeros::Written)).unwrap();
    assert_eq!(
        text,
        json!({
            "id": "0199c1b2-7d4e-7c3a-9b1f-3f2a8c5d6e70", "name": "ada", "title": "John Doe", "email": "ada@example.com",
            "avatar": "https://example.com/avatars/john.jpg", "state": "enabled", "metadata": { "department": "Engineering" },
            "created_at": "2024-03-03T10:30:00.120Z", "updated_at": "2024-03-03T10:30:00Z"
        })
    );
}

#[test]
fn meta_schemas_and_service_users() {
    let at = Timestamp::from_micros(0);
    let schema = MetaSchema {
        id: Id::from_uuid("0199c1b2-7d4e-7c3a-9b1f-3f2a8c5d6e70".parse().unwrap()),
        name: Slug::stored("user"),
        schema: "{}".into(),
        created_at: at,
        updated_at: at,
    };
    same_as_the_descriptor("MetaSchema", &MetaSchemaView(&schema));
    let mut machine = ServiceUser {
        id: Id::from_uuid(schema.id.uuid()),
        organization_id: None,
        title: "CI".into(),
        state: State::Enabled,
        roles: Roles::NONE,
        metadata: serde_json::Map::new(),
        created_at: at,
        updated_at: at,
    };
    same_as_the_descriptor("ServiceUser", &ServiceUserView(&machine));
    machine.title.clear();
    machine.metadata.insert("team".into(), json!("ci"));
    same_as_the_descriptor("ServiceUser", &ServiceUserView(&machine));
}

#[test]
fn create_user_reads_what_the_descriptor_reads() {
    for text in [
        r#"{}"#,
        r#"{"body":null}"#,
        r#"{"body":{}}"#,
        r#"{"body":{"name":null,"email":"a@b.c","metadata":null,"later":[1]},"more":{}}"#,
        r#"{"body":{"name":"ada","title":"Ada \u00fc","avatar":"https://x","metadata":{"a":[1,{"b":null}]}}}"#,
        r#"{"body":{"name":5}}"#,
        r#"{"body":{"metadata":[]}}"#,
        r#"{"body":[]}"#,
        r#"[]"#,
        r#"{} {}"#,
        r#"{"body":"#,
        r#""#,
    ] {
        let by_hand = CreateUserRequest::read(text.as_bytes()).ok();
        let by_descriptor = json::read(Messages::named("CreateUserRequest"), text.as_bytes()).ok();
        assert_eq!(by_hand.is_some(), by_descriptor.is_some(), "{text}");
        let (Some(hand), Some(message)) = (by_hand, by_descriptor) else { continue };
        let again: CreateUserRequest = serde_json::from_slice(&json::write(&message, Zeros::Written)).unwrap();
        assert_eq!(again, hand, "{text}");
    }
    assert!(CreateUserRequest::read(br#"{"body":{"name":"a","name":"b"}}"#).is_err(), "a key twice is a mistake");
    let message = json::read(Messages::named("CreateUserRequest"), br#"{"body":{"metadata":{"a":5}}}"#).unwrap();
    let body = message.get_field_by_name("body").unwrap().as_message().unwrap().clone();
    let metadata = body.get_field_by_name("metadata").unwrap().as_message().unwrap().clone();
    assert_eq!(Value::Object(structure::to_json(&metadata)), json!({ "a": 5 }));
}
