//! `/account/sessions`: where one is signed in, and the end of it.
use askama::Template;
use axum::response::Response;
use portcullis_domain::session::SessionOnDevice;
use portcullis_domain::{Code, Ctx, Result, device};

use super::{Account, Around};
use crate::moment::{ago, date};
use crate::page::{Frame, page, redirect};
use crate::texts::{EN, Texts, fill};

#[derive(Template)]
#[template(path = "account/sessions.html")]
struct Page {
    frame: Frame,
    t: &'static Texts,
    around: Around,
    sessions: Vec<Row>,
}
struct Row {
    id: String,
    device: String,
    from: String,
    seen: String,
    began: String,
    current: bool,
    /// What its button is called to who does not see beside what it stands.
    end: String,
}
impl Row {
    fn of(cx: &Ctx, on: &SessionOnDevice, current: bool) -> Self {
        let device = match (device::browser(&on.user_agent), device::operating_system(&on.user_agent)) {
            ("", "") => EN.session_unknown.to_owned(),
            (browser, "") => browser.to_owned(),
            ("", system) => system.to_owned(),
            (browser, system) => fill(EN.session_device, &[("browser", browser), ("system", system)]),
        };
        let from = on.ip.map(|ip| fill(EN.session_from, &[("address", &ip.to_string())]));
        Self {
            id: on.session.id.to_string(),
            from: from.unwrap_or_default(),
            seen: fill(EN.session_seen, &[("when", &ago(&EN, cx.now, on.seen_at))]),
            began: fill(EN.session_began, &[("when", &date(&EN, on.session.created_at))]),
            current,
            end: fill(EN.session_end_of, &[("device", &device)]),
            device,
        }
    }
}

pub(crate) async fn show(account: Account) -> Result<Response> {
    let (all, current) = account.visit.app().own_sessions(&account.cx).await?;
    let mut sessions: Vec<Row> = all.iter().map(|on| Row::of(&account.cx, on, on.session.id == current)).collect();
    // the one that is looked at from first, then the youngest
    sessions.reverse();
    sessions.sort_by_key(|row| !row.current);
    let around = account.around("/account/sessions").await?;
    page(200, &Page { frame: account.frame(EN.sessions, None), t: &EN, around, sessions })
}

/// Ends one. One that has ended already is what was wanted.
pub(crate) async fn end(mut account: Account) -> Result<Response> {
    account.visit.form().await?;
    match account.visit.app().end_own_session(&account.cx, account.visit.id(2)).await {
        Ok(()) => redirect("/account/sessions?done=session"),
        Err(e) if e.code() == Code::NotFound => redirect("/account/sessions?done=session"),
        Err(e) => Err(e),
    }
}
/// Ends all but this one.
pub(crate) async fn end_others(mut account: Account) -> Result<Response> {
    account.visit.form().await?;
    account.visit.app().end_other_sessions(&account.cx).await?;
    redirect("/account/sessions?done=sessions")
}
