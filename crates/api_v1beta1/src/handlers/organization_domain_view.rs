//! Domains of organizations as this API shows them.
use portcullis_domain::organization_domain::OrganizationDomain;
use portcullis_wire_v1beta1::{Object, View};

use crate::call::Response;

/// One domain.
struct DomainView<'a>(&'a OrganizationDomain);
impl View for DomainView<'_> {
    fn write(&self, object: &mut Object<'_>) {
        let d = self.0;
        object.id("id", d.id);
        object.text("name", &d.name);
        object.id("org_id", d.organization_id);
        object.text("token", &d.token);
        object.text("state", d.state());
        object.time("created_at", d.created_at);
        object.time("updated_at", d.updated_at);
    }
}

macro_rules! response {
    ($(#[$doc:meta])* $name:ident: $of:ty, |$it:ident, $object:ident| $write:expr) => {
        $(#[$doc])*
        pub struct $name;
        impl Response for $name {
            type Of = $of;
            const MESSAGE: &'static str = stringify!($name);
            fn write($it: &$of, $object: &mut Object<'_>) {
                $write
            }
        }
    };
}
response!(/** The claim, with the record that proves it. */ CreateOrganizationDomainResponse: OrganizationDomain,
    |it, object| object.message("domain", &DomainView(it)));
response!(/** The domain. */ GetOrganizationDomainResponse: OrganizationDomain,
    |it, object| object.message("domain", &DomainView(it)));
response!(/** All of an organization. */ ListOrganizationDomainsResponse: [OrganizationDomain],
    |it, object| object.list("domains", it.iter().map(DomainView)));
response!(/** Its state now. */ VerifyOrganizationDomainResponse: OrganizationDomain,
    |it, object| object.text("state", it.state()));
response!(/** Nothing. */ JoinOrganizationResponse: (), |_it, _object| {});

#[cfg(test)]
mod tests {
    use portcullis_domain::value::DomainName;
    use portcullis_domain::{Id, Timestamp};

    use super::super::responses::tests::proves;
    use super::*;

    #[test]
    fn every_answer_is_its_message() {
        let d = OrganizationDomain {
            id: Id::from_uuid(uuid::Uuid::nil()),
            organization_id: Id::from_uuid(uuid::Uuid::nil()),
            name: DomainName::stored("example.com"),
            token: "t".into(),
            verified: true,
            created_at: Timestamp::from_micros(1),
            updated_at: Timestamp::from_micros(2),
        };
        proves::<CreateOrganizationDomainResponse>(&d);
        proves::<GetOrganizationDomainResponse>(&d);
        proves::<VerifyOrganizationDomainResponse>(&d);
        proves::<ListOrganizationDomainsResponse>(&[d]);
        proves::<JoinOrganizationResponse>(&());
    }
}
