//! What a page may say to somebody who has not signed in: which tenant this is, and for whom an invitation is.
use std::sync::Arc;

use portcullis_domain::value::Email;
use portcullis_domain::{Ctx, Error, Principal, Result};

use crate::App;
use crate::authenticate::{Origin, context};
use crate::branding::{Brand, shown};

/// A tenant, as anybody may know it who finds its sign-in page.
#[derive(Clone, Debug)]
pub struct Doorway {
    /// How it shows itself, and what it is called.
    pub brand: Brand,
    /// What `tenant_slug` of a sign-in takes.
    pub slug: String,
    /// The fewest bytes of a new password.
    pub password_min_length: usize,
}
/// Whom a live invitation is for.
#[derive(Clone, Debug)]
pub struct Invited {
    /// Where.
    pub doorway: Doorway,
    /// The address that it was sent to.
    pub email: String,
    /// The name that was given to them.
    pub name: String,
}

impl App {
    /// Where a slug leads or, without one, an address (decision 10): the same for each address of a domain, whoever has it. `None`
    /// for a slug of no tenant, and where nothing leads anywhere.
    pub async fn doorway(&self, origin: Origin, slug: Option<&str>, email: Option<&str>) -> Result<Option<Doorway>> {
        let email = email.and_then(|e| Email::parse(e).ok());
        let Some(tenancy) = self.login_tenant(slug, email.as_ref()).await? else { return Ok(None) };
        let cx = context(origin, &tenancy, Arc::new(Principal::anonymous()), self.0.clock.now());
        self.own_doorway(&cx).await.map(Some)
    }
    /// The tenant of a context.
    pub async fn own_doorway(&self, cx: &Ctx) -> Result<Doorway> {
        let shown = self.0.db.read(cx.clone(), &(), shown).await?;
        let (t, branding) = shown.ok_or_else(|| Error::not_found("tenant"))?;
        let password_min_length = self.snapshot(cx).await?.settings.password_min_length;
        Ok(Doorway { brand: Brand::of(&t, branding), slug: t.slug.to_string(), password_min_length })
    }
    /// Whom an invitation is for. Looking changes nothing: programs that read mails follow their links. 400 `invalid_token`.
    pub async fn invited(&self, origin: Origin, token: &str) -> Result<Invited> {
        let (cx, user) = self.by_invitation(origin, token).await?;
        let doorway = self.own_doorway(&cx).await?;
        Ok(Invited { doorway, email: user.email.to_string(), name: user.name().to_owned() })
    }
}
