//! A SAML response, and metadata: of one provider, whose key nobody has any more. All that it ever signed is in the corpus.
use std::pin::Pin;
use std::sync::{Arc, LazyLock};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::outbound::{Fetch, Fetched, Message, Outbound, Outcome, Unreachable};
use portcullis_domain::provider_config::{SamlSettings, SamlSource, Trust};
use portcullis_domain::saml::{Report, Saml, ServiceProvider};
use portcullis_domain::{Role, Roles, Timestamp};
use portcullis_federation::saml::SamlParty;
use tokio::runtime::Runtime;

/// 2026-11-22T09:21:44Z, when it was signed.
const NOW: Timestamp = Timestamp::from_micros(1_795_339_304_000_000);
const CERTIFICATE: &[&str] = &[
    "MIIDDzCCAfegAwIBAgIUPBk6NAPPe25P+2+uS2/d07oP+vwwDQYJKoZIhvcNAQELBQAwFjEUMBIGA1UEAwwLaWRwLmV4YW1wbGUwIBcNMjYxMT",
    "IzMDA0MzA3WhgPMjEyNjEwMzAwMDQzMDdaMBYxFDASBgNVBAMMC2lkcC5leGFtcGxlMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA",
    "r4h4Jn58kFO3tviD8cKZB0g2SfKozgT2Z+zhTZ6QJfeP3ltmY0FCE4gsOxs7ot/zTIWKGhfW9whG2LBkEubJH9R71dSnSe/YvwBtoSiJgc2Ofr",
    "hP7hUcM7IArn7EAR3WgUjXOhFZMiAKlKkgIafUHzOeMTFiHI17P5FgLLQfCyo77hVGe/fvk8hOvUxwj0MWUlJ8QI3kjoNQY0vVTQ9j+/uNZZRJ",
    "lZvRK/ANOy7QfWqARQaDQTmk+adrDD1nriWDd+mkvy/P9cblD3PBEOOGF2Jpb0gYbeCR9L/ZjzkIMj3A+SLIcfWwDoW6tchyD0RMjNzZXQVNeu",
    "UZUrpt5CxrZwIDAQABo1MwUTAdBgNVHQ4EFgQU9/9O9aOGq3pZm/v4cYiHkWOwVFEwHwYDVR0jBBgwFoAU9/9O9aOGq3pZm/v4cYiHkWOwVFEw",
    "DwYDVR0TAQH/BAUwAwEB/zANBgkqhkiG9w0BAQsFAAOCAQEAbJf/6UPIeq5gTAntDrm5Dajfxl9EAQ3iptRCLX4UqWjVHVu4dUDaOfXf0oWRah",
    "73zQfsOOlgo8akqn38EbXdal26g2kgbVIPJYs7o9kCmN7jOfGQILPlkkMCGZi483e70eHEohL+MIIhlZ7kUG9tyykMe6wrzRUzGxuLtS08uMeL",
    "kxZ2f/yBmrgP0AN0Duj0LhDIWeMixnK5fSI77Yt6gpCbKkdqor3tpZWlfQAu2mpbZgeKxB1FFlIyTEp5Fv2lW9KuJMPpU+kHiIkVASK2bdIilH",
    "4cwlQpwRf1ONxEFHQ0aWQ6vnHp2//cIRkyuh6NIqP7/aBz54LymveQlaDHiA==",
];

/// Calls nobody.
struct Nowhere;
impl Outbound for Nowhere {
    fn post<'a>(&'a self, _: &'a Message) -> Pin<Box<dyn Future<Output = Outcome> + Send + 'a>> {
        Box::pin(std::future::ready(Err(Unreachable::Name)))
    }
    fn fetch<'a>(&'a self, _: &'a Fetch) -> Pin<Box<dyn Future<Output = Result<Fetched, Unreachable>> + Send + 'a>> {
        Box::pin(std::future::ready(Err(Unreachable::Name)))
    }
}

struct Ground {
    party: SamlParty,
    own: ServiceProvider,
    settings: SamlSettings,
}
static GROUND: LazyLock<Ground> = LazyLock::new(|| {
    let party = SamlParty::new(Arc::new(Nowhere));
    let at = "https://sp.example/v1/auth/saml/1";
    let own = ServiceProvider {
        entity_id: format!("{at}/metadata"),
        acs_url: format!("{at}/acs"),
        key: party.new_key(NOW).expect("a key"),
    };
    let source = SamlSource::Explicit {
        entity_id: "https://idp.example/saml".into(),
        sso_url: "https://idp.example/sso".into(),
        certificates: vec![CERTIFICATE.concat()],
    };
    Ground { party, own, settings: settings(source) }
});
fn settings(source: SamlSource) -> SamlSettings {
    SamlSettings {
        source,
        email_attribute: Some("mail".into()),
        first_name_attribute: None,
        last_name_attribute: None,
        groups_attribute: Some("groups".into()),
        sign_requests: true,
        allow_idp_initiated: false,
        jit_create: true,
        group_sync: true,
        trust: Trust { domains: vec![], default_roles: Roles::NONE.with(Role::User) },
    }
}

/// Where it is read, as it would be beside others.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_current_thread().build().expect("a runtime"));
fn hear(posted: &str) -> Report {
    let g = &*GROUND;
    RUNTIME.block_on(g.party.hear(&g.own, &g.settings, posted, NOW))
}

/// Whatever is posted, nothing is heard but what the provider once signed. Metadata that reads begins sign-ins at a web address.
pub(crate) fn response(data: &[u8]) {
    let g = &*GROUND;
    let posted = STANDARD.encode(data);
    let report = hear(&posted);
    if let Ok(heard) = report.heard {
        assert!(report.is_signed);
        let a = heard.asserted;
        assert_eq!((&*heard.assertion_id, heard.in_response_to.as_deref()), ("_a", Some("_q")));
        assert_eq!((&*a.subject, a.email.as_deref(), a.groups.len()), ("ada-1", Some("ada@corp.example"), 0));
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(Some(told)) = g.party.told(&settings(SamlSource::MetadataXml(text.to_owned())))
    {
        assert!(told.sso_url.starts_with("http") && !told.entity_id.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_provider_signed_is_heard() {
        let report = hear(&STANDARD.encode(include_bytes!("../../../fuzz/corpus/saml/seed-00")));
        assert!(report.heard.is_ok() && report.is_signed, "{report:?}");
    }
}
