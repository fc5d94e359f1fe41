//! Who may become a member by their own doing, by accepting an invitation or through their domain: a person, and nobody who acts
//! for one. What they proved is read again where they join (decision 7).
use portcullis_domain::user::User;
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Credential, Ctx, Error, Id, Result};
use portcullis_store::Tx;

use crate::authorize::bearer;
use crate::holder::active_user;

/// The person who calls. A personal access token is refused here, and nowhere else, in every call that makes members.
pub(crate) fn newcomer(cx: &Ctx) -> Result<Id<User>> {
    match (&cx.principal.credential, cx.principal.user_id()) {
        // a key that may do everything is its maker; a narrower one has no part in organizations
        (Credential::Session { .. } | Credential::ApiKey { .. }, Some(user)) if bearer(&cx.principal).is_some() => {
            Ok(user)
        }
        _ => Err(Error::new(Code::Forbidden, "Only a person may join an organization.")),
    }
}

/// The address that this person has proved, as the transaction sees it.
pub(crate) async fn proved(tx: &mut Tx, user: Id<User>) -> portcullis_store::Result<Option<Email>> {
    let user = active_user(tx, user).await?;
    Ok(user.email_verified.then_some(user.email))
}
