//! Whether organizations have shown who they are (spec v1beta1 2.3.8, 3.16).
use portcullis_domain::Result;
use portcullis_domain::kyc::Kyc;
use portcullis_service::App;
use portcullis_wire_v1beta1::{DynamicMessage, Object, View};

use super::read::Read;
use crate::call::{Call, Outcome, Response};

/// `GetOrganizationKyc`: false, while nothing is known.
pub async fn get(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let kyc = app.get_kyc(&call.cx, request.text("org_id")).await?;
    Ok(call.answer::<GetOrganizationKycResponse>(&kyc).into())
}

/// `SetOrganizationKyc`.
pub async fn set(app: App, call: Call, request: DynamicMessage) -> Result<Outcome> {
    let (which, status, link) = (request.text("org_id"), request.flag("status"), request.text("link"));
    let kyc = app.set_kyc(&call.cx, which, status, &link).await?;
    Ok(call.answer::<SetOrganizationKycResponse>(&kyc).into())
}

/// `ListOrganizationsKyc`.
pub async fn list(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let all = app.list_kyc(&call.cx).await?;
    Ok(call.answer::<ListOrganizationsKycResponse>(&all).into())
}

struct KycView<'a>(&'a Kyc);
impl View for KycView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let k = self.0;
        object.id("org_id", k.organization_id);
        object.flag("status", k.status);
        object.text("link", &k.link);
        object.maybe_time("created_at", k.created_at);
        object.maybe_time("updated_at", k.updated_at);
    }
}
macro_rules! one {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = Kyc;
            const MESSAGE: &'static str = stringify!($name);
            fn write(of: &Kyc, object: &mut Object<'_>) {
                object.message("organization_kyc", &KycView(of));
            }
        }
    };
}
one!(/** What is known. */ GetOrganizationKycResponse);
one!(/** What is known now. */ SetOrganizationKycResponse);

/// What is known of all organizations.
pub struct ListOrganizationsKycResponse;
impl Response for ListOrganizationsKycResponse {
    type Of = [Kyc];
    const MESSAGE: &'static str = "ListOrganizationsKycResponse";
    fn write(of: &[Kyc], object: &mut Object<'_>) {
        object.list("organizations_kyc", of.iter().map(KycView));
    }
}

#[cfg(test)]
mod tests {
    use super::super::responses::tests::proves;
    use super::*;
    use portcullis_domain::{Id, Timestamp};

    #[test]
    fn every_answer_is_its_message() {
        let unknown = Kyc::unknown(Id::from_uuid(uuid::Uuid::nil()));
        let now = Some(Timestamp::from_micros(1));
        let known = Kyc { status: true, link: "https://x".into(), created_at: now, updated_at: now, ..unknown.clone() };
        for kyc in [unknown, known] {
            proves::<GetOrganizationKycResponse>(&kyc);
            proves::<SetOrganizationKycResponse>(&kyc);
            proves::<ListOrganizationsKycResponse>(&[kyc]);
        }
        proves::<ListOrganizationsKycResponse>(&[]);
    }
}
