//! A tenant's access as one reviewed file: permissions, roles, organizations with their groups and projects, policies,
//! bindings, platform users (`portcullis apply` and `export`).
//!
//! The whole file is one transaction: everything that it says becomes so, or nothing. A thing that a file made belongs to the
//! file's set (`managed` in the store); what leaves the file goes, what somebody else made is changed only when that is asked
//! for, and never removed. Each change is the use case that the API runs for it, so that no rule is gone round: this is the
//! same work, done by the server itself for whoever can reach the store.
//!
//! Users, service users, resources, domains, preferences, MetaSchemas and webhooks have no section. A new section is its entry
//! (`file.rs`), its words (`wanted.rs`), a step (`work.rs`), a removal (`removal.rs`) and its part of `export.rs`.
mod bound;
mod difference;
mod export;
pub mod file;
mod removal;
mod ruled;
mod rules;
mod wanted;
mod work;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_domain::{Ctx, Error, Principal, Result, Subject};

use crate::App;

pub use difference::{Difference, FieldDifference, What};
pub use wanted::{Wanted, WantedPolicy};
use work::Command;

/// While others change the tenant's structure an apply begins anew at most so often.
const TURNS: usize = 8;

/// How to apply.
#[derive(Clone, Copy, Debug, Default)]
pub struct ApplyOptions {
    /// Take over what the file names and somebody else made.
    pub adopt: bool,
    /// Do everything, say what it was, and keep nothing.
    pub dry_run: bool,
}

impl App {
    /// Makes the tenant as the file says. What was different; nothing, if it was so already.
    pub async fn apply_access(&self, cx: &Ctx, wanted: &Wanted, options: ApplyOptions) -> Result<Vec<Difference>> {
        let cx = by_file(cx);
        for _ in 0..TURNS {
            let tenancy = self.tenancy_of(cx.tenant).await?;
            self.freshen(&tenancy).await?;
            let compiled = self.compiled(&tenancy).await?;
            let command = Arc::new(Command {
                policies: self.read_rules(&cx, &wanted.policies).await?,
                wanted: wanted.clone(),
                options,
                schemas: compiled.schemas.clone(),
                revision: compiled.revision,
                scribe: self.scribe(&cx),
                moved: AtomicBool::new(false),
                pretended: Mutex::default(),
            });
            let out = self.0.db.write_structure(cx.clone(), command.clone(), work::apply).await;
            if let Some(differences) = command.pretended.lock().unwrap_or_else(PoisonError::into_inner).take() {
                return Ok(differences);
            }
            if out.is_ok() || !command.moved.load(Ordering::Relaxed) {
                return out.map_err(Error::from);
            }
        }
        Err(Error::unavailable("the tenant's structure keeps changing"))
    }
}

/// The same context, whose events say who acts.
fn by_file(cx: &Ctx) -> Ctx {
    Ctx { principal: Arc::new(Principal::bare(Subject::System, "apply")), ..cx.clone() }
}
