//! `/account`: what a person sees and changes of their own.
pub(crate) mod applications;
pub(crate) mod credential;
pub(crate) mod factors;
pub(crate) mod keys;
pub(crate) mod password;
pub(crate) mod profile;
pub(crate) mod reauthentication;
pub(crate) mod rights;
pub(crate) mod sessions;
pub(crate) mod tokens;

use portcullis_domain::user::User;
use portcullis_domain::{Ctx, Result};
use portcullis_service::doorway::Doorway;

use crate::page::Frame;
use crate::refusal::Refused;
use crate::texts::EN;
use crate::visit::Visit;

/// A request of who is signed in.
pub(crate) struct Account {
    pub cx: Ctx,
    pub visit: Visit,
    /// Their tenant.
    pub doorway: Doorway,
}

/// What stands around every page of an account.
pub(crate) struct Around {
    pub me: User,
    pub password_min_length: usize,
    pub nav: Vec<NavItem>,
}
/// A page in the navigation.
pub(crate) struct NavItem {
    pub path: &'static str,
    pub label: &'static str,
    pub current: bool,
}

impl Account {
    /// What stands around the page at this path.
    pub async fn around(&self, path: &str) -> Result<Around> {
        let app = self.visit.app();
        let me = app.profile(&self.cx).await?;
        let tokens = app.settings().personal_tokens.enabled;
        let nav = [
            ("/account", EN.profile, true),
            ("/account/password", EN.password, true),
            ("/account/factors", EN.factors, true),
            ("/account/sessions", EN.sessions, true),
            ("/account/keys", EN.keys, true),
            ("/account/tokens", EN.tokens, tokens),
            ("/account/applications", EN.applications, true),
            ("/account/permissions", EN.rights, true),
        ];
        let nav = nav.into_iter().filter(|(_, _, there)| *there);
        let nav = nav.map(|(p, label, _)| NavItem { path: p, label, current: p == path }).collect();
        Ok(Around { me, password_min_length: self.doorway.password_min_length, nav })
    }
    /// The frame of a page, with what was just done or did not work.
    pub fn frame(&self, title: &str, refused: Option<&Refused>) -> Frame {
        let done = match refused {
            Some(_) => None,
            None => self.visit.query("done"),
        };
        Frame::new(title).of(Some(&self.doorway.brand)).done(done.as_deref()).refused(refused)
    }
}
impl Around {
    /// The first letters of a name, where there is no picture.
    pub fn initials(&self) -> String {
        let words = self.me.name().split_whitespace().filter_map(|w| w.chars().find(|c| c.is_alphanumeric()));
        words.take(2).flat_map(char::to_uppercase).collect()
    }
    /// Is the picture here, rather than at an address?
    pub fn has_picture(&self) -> bool {
        self.me.avatar.as_deref().is_some_and(portcullis_domain::avatar::is_image)
    }
}
