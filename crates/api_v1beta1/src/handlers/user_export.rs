//! `ExportUsers`: all users as CSV, a page at a time (spec v1beta1 3.18).
use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use portcullis_domain::user::User;
use portcullis_domain::{Code, Ctx, Error, Result};
use portcullis_service::long::Long;
use portcullis_service::user::{UserFilter, UserSort};
use portcullis_service::{App, Page, PageRequest};
use portcullis_wire_v1beta1::DynamicMessage;

use super::current_user::superuser;
use crate::call::{Call, Outcome};

const HEADER: &str = "User ID,Name,Title,Email,State,Joined At\n";

/// Reads the first page before it answers, so that a refusal is an answer and not a broken stream. Who is asking is looked at
/// anew for every page.
pub async fn export(app: App, call: Call, _: DynamicMessage) -> Result<Outcome> {
    let cx = call.cx;
    superuser(&cx)?;
    let place = app.place(&cx, Long::Export)?;
    if page(&app, &cx, None).await?.data.is_empty() {
        return Err(Error::new(Code::InvalidInput, "no data to export"));
    }
    let mut pieces = place.answer(|outlet| async move {
        let (mut cursor, mut text) = (None, String::from(HEADER));
        loop {
            let room = outlet.room().await?;
            let cx = app.still(&cx).await?;
            superuser(&cx)?;
            let now = page(&app, &cx, cursor).await?;
            for user in &now.data {
                row(user, &mut text);
            }
            room.fill(std::mem::take(&mut text).into_bytes());
            cursor = now.next_cursor;
            if cursor.is_none() {
                return Ok(());
            }
        }
    });
    let pieces = stream::poll_fn(move |task| pieces.poll_recv(task).map(|p| p.map(|p| p.map(Bytes::from))));
    Ok(Outcome::File { media: "text/csv", body: Body::from_stream(pieces) })
}

async fn page(app: &App, cx: &Ctx, cursor: Option<String>) -> Result<Page<User>> {
    let request = PageRequest { limit: 250, cursor, binding: "ExportUsers".into() };
    app.list_users(cx, &UserFilter::default(), UserSort::Newest, &request).await
}

fn row(user: &User, out: &mut String) {
    let id = user.id.to_string();
    let joined = user.created_at.to_string();
    line(&[&id, &user.slug, &user.title, &user.email, user.state.frontier(), &joined], out);
}

/// A row of CSV.
pub fn line(cells: &[&str], out: &mut String) {
    for (i, cell) in cells.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        quote(cell, out);
    }
    out.push('\n');
}

/// RFC 4180, and a `'` before what a spreadsheet would run as a formula.
fn quote(cell: &str, out: &mut String) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !cell.contains([',', '"', '\n', '\r']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (cell, text) in
            [("Ada", "Ada"), ("", ""), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("=1+1", "\"'=1+1\"")]
        {
            let mut out = String::new();
            quote(cell, &mut out);
            assert_eq!(out, text);
        }
    }
}
