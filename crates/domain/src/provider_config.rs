//! What is set of an identity provider (spec v1 3.2): other members for each type. They are read by [`ProviderConfig::read`], which a
//! request and a stored row go through alike, and written by [`ProviderConfig::members`]; what is secret is apart from the rest.
use std::fmt;

use serde_json::{Map, Value, json};
use url::Url;
use zeroize::Zeroizing;

use crate::fields::{self, Fields};
use crate::identity_provider::{MASKED, ProviderType};
use crate::role::{Role, Roles};
use crate::user::AuthProvider;
use crate::value::DomainName;

const URL: usize = 2_048;
const DOMAINS: usize = 100;
const SCOPES: usize = 50;
const CERTIFICATES: usize = 10;

/// What a provider is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Verified domains of the tenant for whose addresses it speaks.
    pub domains: Vec<DomainName>,
    /// What a person who is made through it holds.
    pub default_roles: Roles,
}

/// Settings of an `oidc` provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// The issuer to the letter, as its tokens have it.
    pub issuer_url: String,
    /// Who we are there.
    pub client_id: String,
    /// What is asked for; `openid` is among them.
    pub scopes: Vec<String>,
    /// The claim that lists a person's groups.
    pub groups_claim: String,
    /// Is it the one of `/v1/oidc-config`?
    pub is_default: bool,
    /// Are people made at their first sign-in?
    pub jit_create: bool,
    /// Do people get the groups that the claim lists, and lose the others of this provider?
    pub group_sync: bool,
    /// What it is believed.
    pub trust: Trust,
}

/// Where a SAML provider's entity, addresses and certificates come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SamlSource {
    /// Its metadata, fetched.
    MetadataUrl(String),
    /// Its metadata, given.
    MetadataXml(String),
    /// Each by itself.
    Explicit {
        /// The provider's entity id.
        entity_id: String,
        /// Where a sign-in begins.
        sso_url: String,
        /// Base64 of DER, or PEM.
        certificates: Vec<String>,
    },
}
/// Settings of a `saml` provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamlSettings {
    /// Whence the rest comes.
    pub source: SamlSource,
    /// Attribute of the address; else the NameID.
    pub email_attribute: Option<String>,
    /// Attribute of the first name.
    pub first_name_attribute: Option<String>,
    /// Attribute of the last name.
    pub last_name_attribute: Option<String>,
    /// Attribute of the groups.
    pub groups_attribute: Option<String>,
    /// Do we sign what we ask?
    pub sign_requests: bool,
    /// May a sign-in begin there?
    pub allow_idp_initiated: bool,
    /// Are people made at their first sign-in?
    pub jit_create: bool,
    /// As of [`OidcSettings::group_sync`].
    pub group_sync: bool,
    /// What it is believed.
    pub trust: Trust,
}

/// What a directory's deletion of somebody does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnDelete {
    /// They are deleted.
    Delete,
    /// They are suspended.
    Suspend,
}
/// Settings of a `scim` provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimSettings {
    /// What a deletion does.
    pub on_delete: OnDelete,
    /// Does it write groups too?
    pub group_sync: bool,
    /// What it is believed.
    pub trust: Trust,
}
/// Settings of an `aws_identity_center` provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AwsSettings {
    /// The directory.
    pub identity_store_id: String,
    /// Where it is.
    pub region: String,
    /// As whom it is read; else the integration's role.
    pub role_arn: Option<String>,
    /// How often: 300–86,400 s.
    pub interval_seconds: i64,
}

/// The settings of a provider, by its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderConfig {
    /// `oidc`.
    Oidc(OidcSettings),
    /// `saml`.
    Saml(SamlSettings),
    /// `scim`.
    Scim(ScimSettings),
    /// `aws_identity_center`.
    AwsIdentityCenter(AwsSettings),
}

/// A secret that the other side gave us. Wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderSecret(Zeroizing<String>);
impl ProviderSecret {
    /// Of this text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
    /// The text. Never log it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}
impl fmt::Debug for ProviderSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProviderSecret(…)")
    }
}

/// What a request says of the secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretChange {
    /// There is none.
    Absent,
    /// The one that is kept.
    Keep,
    /// This one.
    Set(ProviderSecret),
}

/// What a provider at which people sign in is set to do with them, whatever it speaks.
#[derive(Clone, Copy, Debug)]
pub struct SignInTerms<'a> {
    /// How its people sign in.
    pub auth_provider: AuthProvider,
    /// Are people made at their first sign-in?
    pub jit_create: bool,
    /// As of [`OidcSettings::group_sync`].
    pub group_sync: bool,
    /// What it is believed.
    pub trust: &'a Trust,
}

impl ProviderConfig {
    /// What it does with people who sign in there; none for a directory.
    pub const fn sign_in_terms(&self) -> Option<SignInTerms<'_>> {
        match self {
            Self::Oidc(c) => Some(SignInTerms {
                auth_provider: AuthProvider::Oidc,
                jit_create: c.jit_create,
                group_sync: c.group_sync,
                trust: &c.trust,
            }),
            Self::Saml(c) => Some(SignInTerms {
                auth_provider: AuthProvider::Saml,
                jit_create: c.jit_create,
                group_sync: c.group_sync,
                trust: &c.trust,
            }),
            Self::Scim(_) | Self::AwsIdentityCenter(_) => None,
        }
    }
    /// The type that it is of.
    pub const fn kind(&self) -> ProviderType {
        match self {
            Self::Oidc(_) => ProviderType::Oidc,
            Self::Saml(_) => ProviderType::Saml,
            Self::Scim(_) => ProviderType::Scim,
            Self::AwsIdentityCenter(_) => ProviderType::AwsIdentityCenter,
        }
    }
    /// What it is believed; a directory that is only read is believed nothing about sign-ins.
    pub const fn trust(&self) -> Option<&Trust> {
        match self {
            Self::Oidc(c) => Some(&c.trust),
            Self::Saml(c) => Some(&c.trust),
            Self::Scim(c) => Some(&c.trust),
            Self::AwsIdentityCenter(_) => None,
        }
    }
    /// The domains for whose addresses it speaks.
    pub fn domains(&self) -> &[DomainName] {
        self.trust().map_or(&[], |t| &t.domains)
    }
    /// Do people get groups from it?
    pub const fn gives_groups(&self) -> bool {
        match self {
            Self::Oidc(c) => c.group_sync,
            Self::Saml(c) => c.group_sync,
            // what a directory wrote stays as it is, and is changed by nobody else
            Self::Scim(_) | Self::AwsIdentityCenter(_) => true,
        }
    }
    /// Reads the members of `config`, each wrong one noted. URLs may be `http://` here: whether the operator allows that is
    /// asked where it is known.
    pub fn read(kind: ProviderType, f: &mut Fields) -> Option<(Self, SecretChange)> {
        match kind {
            ProviderType::Oidc => oidc(f).map(|(c, secret)| (Self::Oidc(c), secret)),
            ProviderType::Saml => saml(f).map(|c| (Self::Saml(c), SecretChange::Absent)),
            ProviderType::Scim => Some((Self::Scim(scim(f)?), SecretChange::Absent)),
            ProviderType::AwsIdentityCenter => Some((Self::AwsIdentityCenter(aws(f)?), SecretChange::Absent)),
        }
    }
    /// Reads what [`ProviderConfig::members`] wrote.
    pub fn stored(kind: ProviderType, members: Map<String, Value>) -> Option<Self> {
        let mut f = Fields::new(members);
        let (config, _) = Self::read(kind, &mut f)?;
        f.close().is_empty().then_some(config)
    }
    /// Its members, without secrets.
    pub fn members(&self) -> Map<String, Value> {
        let members = match self {
            Self::Oidc(c) => json!({
                "issuer_url": c.issuer_url, "client_id": c.client_id, "scopes": c.scopes, "groups_claim": c.groups_claim,
                "is_default": c.is_default, "jit_create": c.jit_create, "group_sync": c.group_sync,
                "domains": domain_words(&c.trust), "default_roles": role_words(&c.trust),
            }),
            Self::Saml(c) => {
                let mut members = json!({
                    "email_attribute": c.email_attribute, "first_name_attribute": c.first_name_attribute,
                    "last_name_attribute": c.last_name_attribute, "groups_attribute": c.groups_attribute,
                    "sign_requests": c.sign_requests, "allow_idp_initiated": c.allow_idp_initiated,
                    "jit_create": c.jit_create, "group_sync": c.group_sync,
                    "domains": domain_words(&c.trust), "default_roles": role_words(&c.trust),
                });
                match &c.source {
                    SamlSource::MetadataUrl(url) => members["metadata_url"] = json!(url),
                    SamlSource::MetadataXml(xml) => members["metadata_xml"] = json!(xml),
                    SamlSource::Explicit { entity_id, sso_url, certificates } => {
                        members["entity_id"] = json!(entity_id);
                        members["sso_url"] = json!(sso_url);
                        members["certificates"] = json!(certificates);
                    }
                }
                members
            }
            Self::Scim(c) => json!({
                "on_delete": if c.on_delete == OnDelete::Delete { "delete" } else { "suspend" },
                "group_sync": c.group_sync, "domains": domain_words(&c.trust), "default_roles": role_words(&c.trust),
            }),
            Self::AwsIdentityCenter(c) => json!({
                "identity_store_id": c.identity_store_id, "region": c.region, "role_arn": c.role_arn,
                "interval_seconds": c.interval_seconds,
            }),
        };
        match members {
            Value::Object(members) => members,
            _ => Map::new(),
        }
    }
    /// The URLs in it that this server or a browser is sent to, each with its name.
    pub fn urls(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Oidc(c) => vec![("issuer_url", &c.issuer_url)],
            Self::Saml(c) => match &c.source {
                SamlSource::MetadataUrl(url) => vec![("metadata_url", url)],
                SamlSource::MetadataXml(_) => vec![],
                SamlSource::Explicit { sso_url, .. } => vec![("sso_url", sso_url)],
            },
            Self::Scim(_) | Self::AwsIdentityCenter(_) => vec![],
        }
    }
}

fn domain_words(t: &Trust) -> Vec<&str> {
    t.domains.iter().map(|d| &**d).collect()
}
fn role_words(t: &Trust) -> Vec<&'static str> {
    t.default_roles.iter().map(Role::as_str).collect()
}

fn trust(f: &mut Fields) -> Option<Trust> {
    let domains = f.change("domains", |v| {
        let words = fields::strings(v)?;
        if words.len() > DOMAINS {
            return Err("At most 100 domains.");
        }
        let mut domains = vec![];
        for word in words {
            let name = DomainName::parse(&word).map_err(|_| "A list of verified domains of the tenant.")?;
            if !domains.contains(&name) {
                domains.push(name);
            }
        }
        Ok(domains)
    });
    let default_roles = f.change("default_roles", |v| {
        const HINT: &str = "A list with at least one of user, approver, admin.";
        let words = fields::strings(v).map_err(|_| HINT)?;
        let roles: Option<Vec<Role>> =
            words.iter().map(|w| Role::PUBLIC.into_iter().find(|r| r.as_str() == w)).collect();
        roles.filter(|r| !r.is_empty()).map(|r| r.into_iter().collect::<Roles>()).ok_or(HINT)
    });
    Some(Trust {
        domains: domains.unwrap_or_default(),
        default_roles: default_roles.unwrap_or(Roles::NONE.with(Role::User)),
    })
}

fn oidc(f: &mut Fields) -> Option<(OidcSettings, SecretChange)> {
    let issuer_url = f.required("issuer_url", "Enter the issuer, such as https://login.example.com.", issuer);
    let client_id = f.required("client_id", "Enter the client id that the provider gave you.", visible(512));
    let secret = f.optional("client_secret", |v| match fields::string(v)? {
        s if s == MASKED => Ok(SecretChange::Keep),
        s if (1..=2_048).contains(&s.len()) && !s.chars().any(char::is_control) => {
            Ok(SecretChange::Set(ProviderSecret::new(s)))
        }
        _ => Err("1 to 2,048 bytes without control characters; leave it out for a public client."),
    });
    let scopes = f.change("scopes", |v| {
        let words = fields::strings(v)?;
        // RFC 6749 3.3
        let scope = |s: &String| {
            (1..=128).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\')
        };
        if words.len() <= SCOPES && words.iter().all(scope) && words.iter().any(|s| s == "openid") {
            Ok(words)
        } else {
            Err("A list of scopes with openid among them.")
        }
    });
    let groups_claim = f.change("groups_claim", visible(255));
    let is_default = flag(f, "is_default", false);
    let (jit_create, group_sync) = (flag(f, "jit_create", true), flag(f, "group_sync", false));
    let trust = trust(f)?;
    let usual = || ["openid", "profile", "email"].map(ToOwned::to_owned).to_vec();
    let settings = OidcSettings {
        issuer_url: issuer_url?,
        client_id: client_id?,
        scopes: scopes.unwrap_or_else(usual),
        groups_claim: groups_claim.unwrap_or_else(|| "groups".into()),
        is_default,
        jit_create,
        group_sync,
        trust,
    };
    Some((settings, secret.unwrap_or(SecretChange::Absent)))
}

fn flag(f: &mut Fields, name: &str, usual: bool) -> bool {
    f.change(name, fields::boolean).unwrap_or(usual)
}

fn saml(f: &mut Fields) -> Option<SamlSettings> {
    const ONE: &str = "Send one of metadata_url, metadata_xml, or entity_id with sso_url and certificates.";
    let metadata_url = f.optional("metadata_url", web_address);
    let metadata_xml = f.optional("metadata_xml", |v| {
        let xml = fields::string(v)?;
        if (1..=262_144).contains(&xml.len()) { Ok(xml) } else { Err("At most 256 KiB.") }
    });
    let entity_id = f.optional("entity_id", visible(1_024));
    let sso_url = f.optional("sso_url", web_address);
    let certificates = f.optional("certificates", |v| {
        let all = fields::strings(v)?;
        let fine = |c: &String| (1..=16_384).contains(&c.len());
        if (1..=CERTIFICATES).contains(&all.len()) && all.iter().all(fine) {
            Ok(all)
        } else {
            Err("A list of 1 to 10 certificates, each PEM or base64 of DER.")
        }
    });
    let attribute = |f: &mut Fields, name: &str| f.optional(name, visible(1_024));
    let (email_attribute, first_name_attribute) =
        (attribute(f, "email_attribute"), attribute(f, "first_name_attribute"));
    let (last_name_attribute, groups_attribute) =
        (attribute(f, "last_name_attribute"), attribute(f, "groups_attribute"));
    let sign_requests = flag(f, "sign_requests", true);
    let allow_idp_initiated = flag(f, "allow_idp_initiated", false);
    let (jit_create, group_sync) = (flag(f, "jit_create", true), flag(f, "group_sync", false));
    let trust = trust(f)?;
    let source = match (metadata_url, metadata_xml, entity_id, sso_url, certificates) {
        (Some(url), None, None, None, None) => Some(SamlSource::MetadataUrl(url)),
        (None, Some(xml), None, None, None) => Some(SamlSource::MetadataXml(xml)),
        (None, None, Some(entity_id), Some(sso_url), Some(certificates)) => {
            Some(SamlSource::Explicit { entity_id, sso_url, certificates })
        }
        _ => None,
    };
    if source.is_none() && f.is_clean() {
        f.wrong("", ONE);
    }
    Some(SamlSettings {
        source: source?,
        email_attribute,
        first_name_attribute,
        last_name_attribute,
        groups_attribute,
        sign_requests,
        allow_idp_initiated,
        jit_create,
        group_sync,
        trust,
    })
}

fn scim(f: &mut Fields) -> Option<ScimSettings> {
    let on_delete = f.change("on_delete", |v| match v.as_str() {
        Some("delete") => Ok(OnDelete::Delete),
        Some("suspend") => Ok(OnDelete::Suspend),
        _ => Err("One of delete, suspend."),
    });
    let group_sync = flag(f, "group_sync", true);
    Some(ScimSettings { on_delete: on_delete.unwrap_or(OnDelete::Delete), group_sync, trust: trust(f)? })
}

fn aws(f: &mut Fields) -> Option<AwsSettings> {
    let store = f.required("identity_store_id", "Enter the identity store's id, such as d-1234567890.", |v| {
        let id = fields::string(v)?;
        let fine = (3..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if fine { Ok(id) } else { Err("An identity store's id, such as d-1234567890.") }
    });
    let region = f.required("region", "Enter a region such as eu-central-1.", |v| {
        let text = fields::string(v)?;
        let part = |p: &str| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let fine = text.len() <= 32 && text.split('-').count() >= 3 && text.split('-').all(part);
        if fine { Ok(text) } else { Err("A region such as eu-central-1.") }
    });
    let role_arn = f.optional("role_arn", |v| {
        let arn = fields::string(v)?;
        let fine = arn.len() <= 2_048
            && arn.starts_with("arn:")
            && arn.contains(":role/")
            && arn.bytes().all(|b| b.is_ascii_graphic());
        if fine { Ok(arn) } else { Err("A role's ARN such as arn:aws:iam::123456789012:role/reader.") }
    });
    let interval = f.change("interval_seconds", fields::integer(300, 86_400));
    Some(AwsSettings {
        identity_store_id: store?,
        region: region?,
        role_arn,
        interval_seconds: interval.unwrap_or(900),
    })
}

/// Printable text of 1 to `max` characters, taken as it is.
fn visible(max: usize) -> impl Fn(Value) -> Result<String, String> {
    move |v| {
        let text = fields::string(v)?;
        let fine =
            (1..=max).contains(&text.chars().count()) && !text.chars().any(char::is_control) && text.trim() == text;
        if fine { Ok(text) } else { Err(format!("1 to {max} characters, without spaces around them.")) }
    }
}

/// An issuer is compared to the letter (OpenID Connect Discovery 4.3), so it is kept as it was written.
fn issuer(v: Value) -> Result<String, &'static str> {
    let text = web_address(v)?;
    match Url::parse(&text) {
        Ok(url) if url.query().is_none() => Ok(text),
        _ => Err("An issuer has no query (?…)."),
    }
}
/// An absolute URL, without user, password and fragment.
fn web_address(v: Value) -> Result<String, &'static str> {
    const HINT: &str = "An https URL of at most 2,048 characters, without user name, password and fragment.";
    let text = fields::string(v)?;
    let fine = text.len() <= URL
        && text.bytes().all(|b| b.is_ascii_graphic())
        && Url::parse(&text).is_ok_and(|u| {
            matches!(u.scheme(), "https" | "http")
                && u.has_host()
                && u.username().is_empty()
                && u.password().is_none()
                && u.fragment().is_none()
        });
    if fine { Ok(text) } else { Err(HINT) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(kind: ProviderType, v: Value) -> Result<(ProviderConfig, SecretChange), Vec<String>> {
        let mut f = Fields::nested(v.as_object().unwrap().clone(), "config");
        let config = ProviderConfig::read(kind, &mut f);
        let wrong: Vec<String> = f.close().into_iter().map(|e| e.field.into_owned()).collect();
        config.filter(|_| wrong.is_empty()).ok_or(wrong)
    }

    #[test]
    fn an_openid_provider_needs_an_issuer_and_a_client() {
        let (config, secret) =
            read(ProviderType::Oidc, json!({ "issuer_url": "https://id.example", "client_id": "c" })).unwrap();
        let ProviderConfig::Oidc(c) = &config else { panic!() };
        assert_eq!((&*c.groups_claim, c.jit_create, c.group_sync, c.is_default), ("groups", true, false, false));
        assert_eq!((c.scopes.join(" "), secret), ("openid profile email".into(), SecretChange::Absent));
        assert_eq!(c.trust, Trust { domains: vec![], default_roles: Roles::NONE.with(Role::User) });
        assert_eq!(read(ProviderType::Oidc, json!({})).unwrap_err(), ["config.issuer_url", "config.client_id"]);
    }

    #[test]
    fn every_wrong_member_is_told() {
        let base = json!({ "issuer_url": "https://id.example", "client_id": "c" });
        for (member, bad) in [
            ("issuer_url", json!("ftp://id.example")),
            ("issuer_url", json!("https://a:b@id.example")),
            ("issuer_url", json!("https://id.example/#f")),
            ("issuer_url", json!("https://id.example/?a=b")),
            ("issuer_url", json!("id.example")),
            ("client_id", json!("")),
            ("client_secret", json!("")),
            ("client_secret", json!(5)),
            ("scopes", json!(["profile"])),
            ("scopes", json!(["openid", "a b"])),
            ("domains", json!(["*"])),
            ("domains", json!(["localhost"])),
            ("domains", json!("example.com")),
            ("default_roles", json!([])),
            ("default_roles", json!(["checker"])),
            ("jit_create", json!("yes")),
            ("entity_id", json!("x")),
        ] {
            let mut body = base.clone();
            body[member] = bad.clone();
            assert_eq!(read(ProviderType::Oidc, body).unwrap_err(), [format!("config.{member}")], "{bad}");
        }
        let both = json!({ "metadata_url": "https://x.example/m", "entity_id": "e" });
        for (kind, body, field) in [
            (ProviderType::Saml, json!({}), "config"),
            (ProviderType::Saml, both, "config"),
            (ProviderType::Scim, json!({ "on_delete": "keep" }), "config.on_delete"),
            (ProviderType::Scim, json!({ "jit_create": true }), "config.jit_create"),
        ] {
            assert_eq!(read(kind, body.clone()).unwrap_err(), [field], "{body}");
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        for (kind, body) in [
            (
                ProviderType::Oidc,
                json!({ "issuer_url": "https://id.example/", "client_id": "c", "client_secret": "s", "domains": ["B\u{fc}cher.example"],
                    "default_roles": ["admin", "user"], "is_default": true, "jit_create": false, "group_sync": true }),
            ),
            (ProviderType::Saml, json!({ "metadata_xml": "<x/>", "email_attribute": "mail" })),
            (
                ProviderType::Saml,
                json!({ "entity_id": "e", "sso_url": "https://x.example/sso", "certificates": ["MII"] }),
            ),
            (ProviderType::Scim, json!({ "on_delete": "suspend" })),
            (ProviderType::AwsIdentityCenter, json!({ "identity_store_id": "d-1234567890", "region": "eu-central-1" })),
        ] {
            let (config, _) = read(kind, body).unwrap();
            assert_eq!(ProviderConfig::stored(kind, config.members()), Some(config));
        }
    }

    #[test]
    fn the_literal_keeps_a_secret_and_no_debug_shows_one() {
        let of = |secret: &str| {
            read(
                ProviderType::Oidc,
                json!({ "issuer_url": "https://id.example", "client_id": "c", "client_secret": secret }),
            )
            .unwrap()
        };
        assert_eq!(of(MASKED).1, SecretChange::Keep);
        let (config, secret) = of("hush-hush");
        assert!(!format!("{config:?} {secret:?}").contains("hush"));
        assert!(!Value::Object(config.members()).to_string().contains("hush"));
    }
}
