//! What directories do over SCIM (spec v1 4.18), as far as people and groups have it in common. A directory is the caller itself: it needs
//! no permission, finds what it made and nothing else, and is asked for anew in each transaction.
use portcullis_domain::identity_provider::IdentityProvider;
use portcullis_domain::provider_config::{OnDelete, ProviderConfig, Trust};
use portcullis_domain::scim::{MEMBERS, SCIM_TYPE};
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, FieldError, Id, Result, Subject};
use portcullis_store::{Tx, identity_provider, tenant_domain};

use crate::App;
use crate::authenticate::refused;

/// A directory that is switched on.
pub(crate) struct Connection {
    pub id: Id<IdentityProvider>,
    pub on_delete: OnDelete,
    pub trust: Trust,
    groups: bool,
}
impl Connection {
    /// 403 where the connection writes no groups.
    pub fn writes_groups(self) -> Result<Self> {
        if self.groups {
            return Ok(self);
        }
        let message = "This connection writes no groups: set group_sync in its config.";
        Err(Error::new(Code::Forbidden, message))
    }
}
/// The directory that calls; 401 if it is not there any more, or switched off.
pub(crate) async fn connection(tx: &mut Tx) -> portcullis_store::Result<Connection> {
    let Subject::Directory(id) = tx.cx.principal.subject else { return Err(refused("elsewhere").into()) };
    let found = identity_provider::by_id(tx, id).await?.filter(|p| p.enabled);
    match found.map(|p| p.config) {
        Some(ProviderConfig::Scim(s)) => {
            Ok(Connection { id, on_delete: s.on_delete, groups: s.group_sync, trust: s.trust })
        }
        _ => Err(refused("switched_off").into()),
    }
}

/// 400 unless the directory may speak for the address today: its domain is one that the connection names, and the tenant's own.
pub(crate) async fn speaks_for(tx: &mut Tx, c: &Connection, email: &Email) -> portcullis_store::Result<()> {
    let trusted = c.trust.domains.iter().any(|d| **d == *email.domain());
    if trusted && tenant_domain::is_proved(tx, email.domain()).await? {
        return Ok(());
    }
    let message = format!("This connection is not trusted for the domain {}.", email.domain());
    Err(wrong("emails", message).into())
}
/// 400 `invalidValue`.
pub(crate) fn wrong(field: &'static str, message: impl Into<String>) -> Error {
    Error::with_fields(Code::Unprocessable, vec![FieldError { field: field.into(), message: message.into().into() }])
}
/// 400 `tooMany`.
pub(crate) fn too_many() -> Error {
    let message = format!("One call changes at most {MEMBERS} members of a group: send several.");
    Error::new(Code::InvalidInput, message).detail(SCIM_TYPE, "tooMany")
}

impl App {
    /// Does the directory that calls write groups?
    pub async fn scim_writes_groups(&self, cx: &Ctx) -> Result<bool> {
        self.0.db.read(cx.clone(), &(), writes_groups).await.map_err(Error::from)
    }
    /// Where SCIM is, for the addresses in answers.
    pub fn scim_base(&self) -> String {
        format!("{}/scim/v2", self.settings().public_url)
    }
}
async fn writes_groups(tx: &mut Tx, (): &()) -> portcullis_store::Result<bool> {
    Ok(connection(tx).await?.groups)
}
