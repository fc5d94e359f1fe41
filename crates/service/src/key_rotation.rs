//! The life of a token key (spec v1 9.6, checklist 18): published a day before it signs, signs for 30 days, is retired, and is published
//! until the last token that it signed has ended. Nobody has to be told when: each key says from when on it signs.
use portcullis_domain::tenant::LONGEST_ACCESS_TOKEN_SECONDS;
use portcullis_domain::{Ctx, Error, Result, Timestamp};
use portcullis_store::Tx;
use portcullis_store::lease::{self, Lease};
use portcullis_store::signing_key::{self, SigningKeyRow};

use crate::App;
use crate::app::Scribe;
use crate::keys::{all, fresh, live_tokens};
use crate::tidy::{acquire, claim};

/// Each node reads the keys so often.
pub const RELOAD_SECONDS: i64 = 60;
/// A key that an operator wants is used so much later: every node has read it by then, and whoever else verifies tokens has fetched
/// the JWKS again, which may be kept for five minutes.
pub const WAIT_SECONDS: i64 = 600;
const SIGNS_SECONDS: i64 = 30 * 86_400;
const AHEAD_SECONDS: i64 = 86_400;
/// Nodes whose clocks differ, or that could not read the keys for a while, may use the last key a little longer.
const SETTLED_SECONDS: i64 = 600;
/// A retired key is published so long: until the longest access token that it signed has ended.
pub(crate) const PUBLISHED_SECONDS: i64 = LONGEST_ACCESS_TOKEN_SECONDS + SETTLED_SECONDS;

/// How soon a token key is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Haste {
    /// Nobody notices: the next key is used when every node has read it.
    Gentle,
    /// The key may be in wrong hands: nothing that it signed is accepted any more.
    Compromised,
}
/// What came of it.
#[derive(Clone, Debug)]
pub struct Rotated {
    /// The key that signs next.
    pub id: String,
    /// From then on.
    pub signs_from: Timestamp,
    /// Keys whose tokens are refused from now on.
    pub refused: Vec<String>,
}

/// Something to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Due {
    /// The next key, which signs from then on.
    Make(Timestamp),
    /// A key after which another signs already.
    Retire(String),
    /// A key of which no token can live.
    Forget(String),
}
fn due(rows: &[SigningKeyRow], now: Timestamp) -> Vec<Due> {
    let live = live_tokens(rows);
    let mut out = vec![];
    if let Some(newest) = live.last() {
        let end = newest.signs_from.plus_seconds(SIGNS_SECONDS);
        let made_at = end.plus_seconds(-AHEAD_SECONDS);
        if made_at <= now {
            out.push(Due::Make(end.max(now.plus_seconds(AHEAD_SECONDS))));
        }
    }
    let settled = live.iter().rposition(|r| r.signs_from.plus_seconds(SETTLED_SECONDS) <= now).unwrap_or(0);
    out.extend(live.iter().take(settled).map(|r| Due::Retire(r.id.clone())));
    let over = |r: &&SigningKeyRow| r.retired_at.is_some_and(|at| at.plus_seconds(PUBLISHED_SECONDS) <= now);
    out.extend(rows.iter().filter(|r| r.purpose == "token").filter(over).map(|r| Due::Forget(r.id.clone())));
    out
}

impl App {
    /// Makes the next token key when it is time, and retires and forgets those before. On one node at a time.
    pub async fn rotate_keys(&self, holder: &str) -> Result<bool> {
        // what it made would be sealed with a master key of before
        if self.keys().signing().is_err() {
            return Ok(false);
        }
        let Some(lease) = self.0.db.write(self.nowhere(), claim("keys.rotate", holder), acquire).await? else {
            return Ok(false);
        };
        let rows = self.0.db.read(self.nowhere(), &(), all).await?;
        if due(&rows, self.0.clock.now()).is_empty() {
            return Ok(false);
        }
        // what happened is written into the first tenant's log: before there is one, nobody signs in
        let Some(cx) = self.server().await? else { return Ok(false) };
        // the master key of this minute
        self.reload_keys().await?;
        let c = Round { next: self.fresh_token_key(&cx)?, lease, scribe: self.scribe(&cx) };
        self.0.db.write(cx, c, round).await?;
        self.reload_keys().await?;
        Ok(false)
    }
    /// Replaces the token key because an operator says so.
    pub async fn rotate_token_key(&self, haste: Haste) -> Result<Rotated> {
        let cx = self.server().await?.ok_or_else(|| Error::not_found("tenant"))?;
        let c = Wanted { next: self.fresh_token_key(&cx)?, haste, scribe: self.scribe(&cx) };
        let rotated = self.0.db.write(cx, c, rotate).await?;
        self.reload_keys().await?;
        Ok(rotated)
    }
    /// The server itself, in the first tenant; `None` before there is one.
    pub(crate) async fn server(&self) -> Result<Option<Ctx>> {
        match self.first_tenant().await? {
            Some(id) => self.system(id).await.map(Some),
            None => Ok(None),
        }
    }
    fn fresh_token_key(&self, cx: &Ctx) -> Result<SigningKeyRow> {
        Ok(fresh("token", self.sealing()?, cx.now, &*self.0.random))
    }
}

struct Round {
    next: SigningKeyRow,
    lease: Lease,
    scribe: Scribe,
}
async fn round(tx: &mut Tx, c: &Round) -> portcullis_store::Result<()> {
    lease::check(tx, &c.lease).await?;
    let now = tx.cx.now;
    for step in due(&signing_key::all(tx).await?, now) {
        match step {
            Due::Make(signs_from) => {
                make(tx, &c.scribe, &SigningKeyRow { signs_from, ..c.next.clone() }).await?;
            }
            Due::Retire(id) => retire(tx, &c.scribe, &id, "rotated").await?,
            Due::Forget(id) => signing_key::forget(tx, &id).await?,
        }
    }
    Ok(())
}

struct Wanted {
    next: SigningKeyRow,
    haste: Haste,
    scribe: Scribe,
}
async fn rotate(tx: &mut Tx, c: &Wanted) -> portcullis_store::Result<Rotated> {
    let now = tx.cx.now;
    let rows = signing_key::all(tx).await?;
    let tokens = || rows.iter().filter(|r| r.purpose == "token");
    if c.haste == Haste::Compromised {
        make(tx, &c.scribe, &c.next).await?;
        // the one that waits lay beside the one that signs: whoever has one has both
        for row in tokens() {
            if row.retired_at.is_none() {
                retire(tx, &c.scribe, &row.id, "compromised").await?;
            }
            signing_key::forget(tx, &row.id).await?;
        }
        let refused = tokens().map(|r| r.id.clone()).collect();
        return Ok(Rotated { id: c.next.id.clone(), signs_from: c.next.signs_from, refused });
    }
    let signs_from = now.plus_seconds(WAIT_SECONDS);
    let waiting = live_tokens(&rows).into_iter().rev().find(|r| r.signs_from > now);
    let (id, signs_from) = match waiting {
        None => {
            make(tx, &c.scribe, &SigningKeyRow { signs_from, ..c.next.clone() }).await?;
            (c.next.id.clone(), signs_from)
        }
        Some(next) if next.signs_from <= signs_from => (next.id.clone(), next.signs_from),
        Some(next) => {
            signing_key::bring_forward(tx, &next.id, signs_from).await?;
            let event = c.scribe.event("signing_key.brought_forward", "signing_key", &next.id);
            c.scribe.write(tx, event.with("signs_from", signs_from.to_string()));
            (next.id.clone(), signs_from)
        }
    };
    Ok(Rotated { id, signs_from, refused: vec![] })
}

async fn make(tx: &mut Tx, scribe: &Scribe, key: &SigningKeyRow) -> portcullis_store::Result<()> {
    signing_key::insert(tx, key).await?;
    let event = scribe.event("signing_key.created", "signing_key", &key.id);
    scribe.write(tx, event.with("signs_from", key.signs_from.to_string()));
    Ok(())
}
async fn retire(tx: &mut Tx, scribe: &Scribe, id: &str, cause: &'static str) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    if signing_key::retire(tx, id, now).await? {
        scribe.write(tx, scribe.event("signing_key.retired", "signing_key", id).with("cause", cause));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const START: i64 = 1_795_339_304;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }
    fn key(n: usize, signs_from: Timestamp, made: Timestamp) -> SigningKeyRow {
        SigningKeyRow {
            id: format!("k{n:04}"),
            purpose: "token".into(),
            public_key: vec![],
            private_key: vec![1],
            created_at: made,
            signs_from,
            retired_at: None,
        }
    }
    /// The key that a node whose clock shows this signs with.
    fn signer(rows: &[SigningKeyRow], now: Timestamp) -> Option<String> {
        let live = live_tokens(rows);
        live.iter().rev().find(|r| r.signs_from <= now).or(live.first()).map(|r| r.id.clone())
    }

    #[test]
    fn a_month_of_a_key() {
        const DAY: i64 = 86_400;
        let mut rows = vec![key(0, at(START), at(START))];
        assert_eq!(due(&rows, at(START + 29 * DAY - 1)), []);
        assert_eq!(due(&rows, at(START + 29 * DAY)), [Due::Make(at(START + 30 * DAY))]);
        rows.push(key(1, at(START + 30 * DAY), at(START + 29 * DAY)));
        let take_over = START + 30 * DAY;
        assert_eq!(signer(&rows, at(take_over - 1)).as_deref(), Some("k0000"));
        assert_eq!(signer(&rows, at(take_over)).as_deref(), Some("k0001"));
        assert_eq!(due(&rows, at(take_over + SETTLED_SECONDS - 1)), []);
        assert_eq!(due(&rows, at(take_over + SETTLED_SECONDS)), [Due::Retire("k0000".into())]);
        rows[0].retired_at = Some(at(take_over + SETTLED_SECONDS));
        let over = take_over + SETTLED_SECONDS + PUBLISHED_SECONDS;
        assert_eq!(due(&rows, at(over - 1)), []);
        assert_eq!(due(&rows, at(over)), [Due::Forget("k0000".into())]);
    }

    #[test]
    fn keys_of_the_audit_log_stay() {
        let mut row = key(0, at(START), at(START));
        row.purpose = "audit".into();
        row.retired_at = Some(at(START));
        assert_eq!(due(&[row], at(START + 10 * SIGNS_SECONDS)), []);
    }

    proptest! {
        /// However irregularly the worker runs: there is always a key that signs, each key was published a day before it did, and what
        /// any key signed is accepted until it ends.
        #[test]
        fn nobody_notices_a_rotation(gaps in proptest::collection::vec(1_i64..=45 * 86_400, 1..60), early in 0_i64..SETTLED_SECONDS) {
            let (mut rows, mut now, mut tokens) = (vec![key(0, at(START), at(START))], START, Vec::<(String, i64)>::new());
            for gap in gaps {
                now += gap;
                for step in due(&rows, at(now)) {
                    match step {
                        Due::Make(from) => {
                            prop_assert!(from >= at(now + AHEAD_SECONDS));
                            let n = rows.len();
                            rows.push(key(n, from, at(now)));
                        }
                        Due::Retire(id) => {
                            let row = rows.iter_mut().find(|r| r.id == id).unwrap();
                            row.retired_at = Some(at(now));
                        }
                        Due::Forget(id) => rows.retain_mut(|r| { if r.id == id { r.purpose = "gone".into(); } true }),
                    }
                }
                prop_assert!(due(&rows, at(now)).is_empty(), "a round leaves nothing to do");
                let published = |id: &str| rows.iter().any(|r| r.id == id && r.purpose == "token");
                tokens.retain(|(_, end)| *end > now);
                prop_assert!(tokens.iter().all(|(id, _)| published(id)));
                // a node whose clock is right, and one that is behind
                for clock in [now, now - early] {
                    let id = signer(&rows, at(clock)).unwrap();
                    let row = rows.iter().find(|r| r.id == id).unwrap();
                    prop_assert!(row.retired_at.is_none());
                    tokens.push((id, clock + LONGEST_ACCESS_TOKEN_SECONDS));
                }
            }
        }
    }
}
