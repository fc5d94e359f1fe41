//! Looks at everything that a sign-in needs, short of signing in. Nothing that is remembered is believed.
use portcullis_domain::Timestamp;
use portcullis_domain::openid::{Check, Fault};
use portcullis_domain::outbound::Outbound;
use portcullis_domain::provider_config::{SamlSettings, SamlSource};

use super::certificate::Certificate;
use super::key::OwnKey;
use super::provider::{self, Provider};

const MONTH: i64 = 30 * 86_400;

/// What was found, in the order in which it was looked at. What needs an answer that did not come is left out.
pub async fn examine(http: &dyn Outbound, key: &OwnKey, settings: &SamlSettings, now: Timestamp) -> Vec<Check> {
    let read = match &settings.source {
        SamlSource::MetadataUrl(url) => provider::fetch(http, url).await,
        _ => match provider::of_settings(settings) {
            Ok(Some(provider)) => Ok(provider),
            Ok(None) => Err(Fault::Provider("Nothing is known of the provider.".into())),
            Err(bad) => Err(Fault::Provider(format!("{}: {}", bad.field, bad.message))),
        },
    };
    let p = match read {
        Ok(p) => p,
        Err(fault) => return vec![Check::failed("metadata", fault.to_string())],
    };
    if let Some(end) = p.valid_until.filter(|end| *end <= now) {
        let message = format!("The provider's metadata was valid until {} only: have it made anew.", day(end));
        return vec![Check::failed("metadata", message)];
    }
    let metadata = format!("The provider is {}; sign-ins begin at {}.", p.entity_id, address(&p));
    let mut checks = vec![Check::passed("metadata", metadata), certificates(&p.certificates, now)];
    checks.push(if p.wants_signed && !settings.sign_requests {
        Check::failed("requests", "It takes signed requests only: switch sign_requests on.")
    } else if settings.sign_requests {
        Check::passed(
            "requests",
            "Requests are signed; the provider has to know our certificate, which is in our metadata.",
        )
    } else {
        Check::passed("requests", "Requests are not signed.")
    });
    checks.push(match Certificate::of_der(key.certificate()) {
        Ok(c) if c.not_after <= now => Check::failed(
            "own_certificate",
            format!("Our own certificate for this provider expired on {}: make the provider anew.", day(c.not_after)),
        ),
        Ok(c) => Check::passed("own_certificate", format!("Our own certificate is valid until {}.", day(c.not_after))),
        Err(why) => Check::failed("own_certificate", why),
    });
    checks
}
fn address(p: &Provider) -> String {
    format!("{}{}", p.sso_url.origin().ascii_serialization(), p.sso_url.path())
}
/// The dates of its certificates: sign-ins do not end with them, but a provider that lets one expire has another one, or will.
fn certificates(all: &[Certificate], now: Timestamp) -> Check {
    let tell = |(n, c): (usize, &Certificate)| {
        let number = n + 1;
        if c.not_after <= now {
            format!("Certificate {number} expired on {}.", day(c.not_after))
        } else if c.not_before > now {
            format!("Certificate {number} is valid from {} only.", day(c.not_before))
        } else if c.not_after <= now.plus_seconds(MONTH) {
            format!("Certificate {number} expires soon, on {}.", day(c.not_after))
        } else {
            format!("Certificate {number} is valid until {}.", day(c.not_after))
        }
    };
    let told = all.iter().enumerate().map(tell).collect::<Vec<_>>().join(" ");
    if all.iter().any(|c| c.not_before <= now && now < c.not_after) {
        Check::passed("certificates", told)
    } else {
        let advice =
            "Ask the provider for its present certificate, or look whether it signs with one that is not entered here.";
        Check::failed("certificates", format!("{told} {advice}"))
    }
}
/// 2026-11-22.
fn day(t: Timestamp) -> String {
    t.to_string().chars().take(10).collect()
}
