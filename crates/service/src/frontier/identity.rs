//! Users. They have no passwords there, and no proof of their addresses that we could read.
use portcullis_domain::user::{AuthProvider, User, UserState};
use portcullis_domain::value::Email;
use portcullis_domain::{Id, Role, Roles, avatar};
use portcullis_store::{Result, Tx, user};

use super::row::Row;
use super::{Batch, Outcome};
use crate::user_create::free_slug;

/// Is this really the person who has the address? Equality of an address gives nothing unless it was proved (decision 7).
pub(super) fn is_known_to_be(u: &User) -> bool {
    u.email_verified || u.is_owner
}

pub(super) async fn user(tx: &mut Tx, b: &Batch, r: &Row) -> Result<Outcome> {
    let Some(id) = r.id() else { return Ok(Outcome::Problem("no id".into())) };
    if b.would_be(id) || user::facts(tx, Id::from_uuid(id)).await?.is_some() {
        return Ok(Outcome::There);
    }
    let email = match Email::parse(r.str("email")) {
        Ok(email) => email,
        Err(e) => return Ok(Outcome::Problem(format!("the address {:?} is none: {e}", r.str("email")))),
    };
    if let Some(same) = user::by_email(tx, &email).await? {
        return Ok(Outcome::Problem(match is_known_to_be(&same) {
            true => format!("{email} is the user {} here: what this one holds goes to them", same.id),
            false => format!(
                "{email} is the user {} here, who never proved the address: what this one holds is left out",
                same.id
            ),
        }));
    }
    let mut notes = vec![];
    let (name, mended) = r.name();
    let slug = match free_slug(tx, &name).await {
        Ok(slug) => slug,
        Err(portcullis_store::Error::Domain(e)) => return Ok(Outcome::Problem(e.message().to_owned())),
        Err(e) => return Err(e),
    };
    if mended || slug != name {
        notes.push(format!("the name {:?} became {slug}", r.str("name")));
    }
    let (mut metadata, cut) = metadata(r);
    if cut {
        notes.push("the metadata is larger than ours may be, and was left out".into());
    }
    // what a person may have written of themselves must not feed a policy (decision 4)
    if metadata.remove("attributes").is_some() {
        notes.push("metadata.attributes was left out: here policies read it".into());
    }
    let picture = r.text("avatar").filter(|a| avatar::either(a).is_ok());
    if r.text("avatar").is_some() && picture.is_none() {
        notes.push("the avatar is neither an https URL nor an image, and was left out".into());
    }
    let now = tx.cx.now;
    let created_at = r.time("created_at", now);
    let made = User {
        id: Id::from_uuid(id),
        email,
        slug,
        title: r.title(),
        auth_provider: AuthProvider::Local,
        identity_provider_id: None,
        state: if r.state().is_enabled() { UserState::Active } else { UserState::Suspended },
        email_verified: false,
        roles: Roles::NONE.with(Role::User),
        is_owner: false,
        avatar: picture.map(ToOwned::to_owned),
        external_id: None,
        manager_id: None,
        metadata,
        first_name: None,
        last_name: None,
        display_name: None,
        last_login_at: None,
        mfa_enrolled: false,
        created_at,
        updated_at: r.time("updated_at", created_at),
        revision: 1,
    };
    if !b.dry_run && !user::insert(tx, &made, None, None).await? {
        return Ok(Outcome::Problem("the id, the name or the address is taken".into()));
    }
    Ok(if notes.is_empty() { Outcome::Imported } else { Outcome::Changed(notes.join("; ")) })
}

/// Passkeys are never in metadata here (decision 4).
fn metadata(r: &Row) -> (serde_json::Map<String, serde_json::Value>, bool) {
    let mut without = r.object("metadata");
    without.remove("passkey_credentials");
    let mut columns = r.0.clone();
    columns.insert("metadata".into(), without.into());
    Row(columns).metadata()
}
