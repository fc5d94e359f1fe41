//! Credentials of service users as this API shows them: what is secret of one once, when it is made.
use portcullis_domain::service_credential::ServiceCredential;
use portcullis_service::service_credential::{NewServiceCredential, ServiceKey};
use portcullis_wire_v1beta1::{Object, View};
use serde_json::json;

use crate::call::Response;

/// A secret or a token, with its text when it was just made.
struct SecretView<'a> {
    credential: &'a ServiceCredential,
    /// `secret`, `token`.
    field: &'static str,
    shown: &'a str,
}
impl View for SecretView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.id("id", self.credential.id);
        object.text("title", &self.credential.title);
        object.text(self.field, self.shown);
        object.time("created_at", self.credential.created_at);
    }
}
/// A pair of keys that was just made.
struct KeyCredentialView<'a>(&'a NewServiceCredential);
impl View for KeyCredentialView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        object.text("type", "sv_rsa");
        object.id("kid", self.0.credential.id);
        object.id("principal_id", self.0.credential.service_user_id);
        object.text("private_key", &self.0.shown);
    }
}
/// The public half of a key, as a set.
struct KeyView<'a>(&'a ServiceKey);
impl View for KeyView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let c = &self.0.credential;
        object.id("id", c.id);
        object.text("title", &c.title);
        object.id("principal_id", c.service_user_id);
        object.text("public_key", &json!({ "keys": [self.0.jwk] }).to_string());
        object.time("created_at", c.created_at);
    }
}

macro_rules! made {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = NewServiceCredential;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &NewServiceCredential, object: &mut Object<'_>) {
                let view = SecretView { credential: &of.credential, field: $field, shown: &of.shown };
                object.message($field, &view);
            }
        }
    };
}
macro_rules! many {
    ($(#[$doc:meta])* $name:ident, $list:literal, $field:literal) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = [ServiceCredential];
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &[ServiceCredential], object: &mut Object<'_>) {
                object.list($list, of.iter().map(|credential| SecretView { credential, field: $field, shown: "" }));
            }
        }
    };
}
made!(/** The secret, once. */ CreateServiceUserCredentialResponse, "secret");
made!(/** The token, once. */ CreateServiceUserTokenResponse, "token");
many!(/** Secrets, without their texts. */ ListServiceUserCredentialsResponse, "secrets", "secret");
many!(/** Tokens, without their texts. */ ListServiceUserTokensResponse, "tokens", "token");

/// The private key, once.
pub struct CreateServiceUserJWKResponse;
impl Response for CreateServiceUserJWKResponse {
    type Of = NewServiceCredential;
    const MESSAGE: &'static str = "CreateServiceUserJWKResponse";
    fn write(of: &NewServiceCredential, object: &mut Object<'_>) {
        object.message("key", &KeyCredentialView(of));
    }
}
/// Keys with their public halves.
pub struct ListServiceUserJWKsResponse;
impl Response for ListServiceUserJWKsResponse {
    type Of = [ServiceKey];
    const MESSAGE: &'static str = "ListServiceUserJWKsResponse";
    fn write(of: &[ServiceKey], object: &mut Object<'_>) {
        object.list("keys", of.iter().map(KeyView));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use portcullis_domain::service_credential::ServiceCredentialKind;
    use portcullis_domain::{Id, Timestamp};
    use uuid::Uuid;

    use super::super::responses::tests::proves;
    use super::*;

    pub fn credential() -> ServiceCredential {
        ServiceCredential {
            id: Id::from_uuid(Uuid::max()),
            service_user_id: Id::from_uuid(Uuid::max()),
            organization_id: None,
            kind: ServiceCredentialKind::Secret,
            title: "deploys".into(),
            created_by: None,
            created_at: Timestamp::from_micros(1),
        }
    }

    #[test]
    fn every_answer_is_its_message() {
        let bare = ServiceCredential { title: String::new(), ..credential() };
        let made = NewServiceCredential { credential: credential(), shown: "pcs_x".into() };
        proves::<CreateServiceUserCredentialResponse>(&made);
        proves::<CreateServiceUserTokenResponse>(&made);
        proves::<CreateServiceUserJWKResponse>(&made);
        proves::<ListServiceUserCredentialsResponse>(&[credential(), bare]);
        proves::<ListServiceUserTokensResponse>(&[]);
        proves::<ListServiceUserJWKsResponse>(&[ServiceKey { credential: credential(), jwk: json!({ "kty": "RSA" }) }]);
    }
}
