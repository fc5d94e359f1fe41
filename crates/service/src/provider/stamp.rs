//! What comes back through a browser and has to be what was sent out: a time, signed together with whatever it is about. It is good in
//! this tenant only, and for nothing else than it was made for.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use portcullis_domain::Timestamp;

use super::Provider;

/// What a stamp is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// Somebody was sent to sign in for a request.
    SignIn,
    /// Somebody was shown what an application asks for.
    Consent,
    /// Somebody was shown what a device asks for.
    Device,
}
impl About {
    const fn label(self) -> &'static str {
        match self {
            Self::SignIn => "provider-sign-in",
            Self::Consent => "provider-consent",
            Self::Device => "provider-device",
        }
    }
}

impl Provider {
    /// A stamp of now.
    pub(super) fn stamp(&self, about: About, parts: &[&[u8]]) -> String {
        let at = self.cx.now.micros().to_string();
        let tag = self.tag(about, &at, parts);
        format!("{at}.{}", URL_SAFE_NO_PAD.encode(tag))
    }
    /// When this stamp was made, if it is one of ours, about just this, and no older than so many seconds.
    pub(super) fn stamped_at(&self, about: About, parts: &[&[u8]], said: &str, seconds: i64) -> Option<Timestamp> {
        let (at, tag) = said.split_once('.')?;
        let tag = URL_SAFE_NO_PAD.decode(tag).ok()?;
        if !portcullis_crypto::same(&self.tag(about, at, parts), &tag) {
            return None;
        }
        // what was signed is a number that was a time here
        let at = Timestamp::from_micros(at.parse().ok()?);
        (self.cx.now <= at.plus_seconds(seconds)).then_some(at)
    }
    fn tag(&self, about: About, at: &str, parts: &[&[u8]]) -> [u8; 32] {
        let parts: Vec<&[u8]> = [at.as_bytes()].into_iter().chain(parts.iter().copied()).collect();
        self.tenancy.data_key.mac(about.label()).tag(&parts)
    }
}
