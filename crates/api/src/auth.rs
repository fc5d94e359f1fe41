//! `/v1/auth`: signing in with a password, ending a session, following an invitation, forgetting a password (spec 4.2).
use axum::response::Response;
use portcullis_domain::fields::{self, Fields};
use portcullis_domain::{Code, Result};
use portcullis_edge::cookie;
use portcullis_service::password_reset::Forgotten;
use portcullis_service::session::{Given, Hold, LoggedIn, Login, SignedIn, Tokens};
use serde_json::{Value, json};

use crate::call::{Call, Visit};
use crate::op::{Access, Body, Op, Route, Shape};
use crate::read::password;
use crate::render;

static LOGIN: Op = Op::post(
    "/v1/auth/login",
    "login",
    "",
    "Sign in with address and password: for tokens, or in a browser for a cookie. Where a second factor is due, for a challenge.",
    Body::Json("Login"),
    (200, Shape::Json("LoginResult")),
)
.access(Access::Login)
.refuses(&[Code::InvalidCredentials, Code::Forbidden]);
static REFRESH: Op = Op::post(
    "/v1/auth/refresh",
    "refresh",
    "",
    "Spend a refresh token for the next one and an access token. A spent one ends its session.",
    Body::Json("Refresh"),
    (200, Shape::Json("Refreshed")),
)
.access(Access::Auth)
.refuses(&[Code::Unauthenticated]);
static LOGOUT: Op = Op::post(
    "/v1/auth/logout",
    "logout",
    "",
    "End your session, and the browser's cookie; with an access token even if that has expired.",
    Body::OptionalJson("Nothing"),
    (204, Shape::Empty),
)
.access(Access::Leaving);
static VERIFY_EMAIL: Op = Op::post(
    "/v1/auth/verify-email",
    "verifyEmail",
    "",
    "Prove an address with the token of an invitation or of a verification mail.",
    Body::Json("VerifyEmail"),
    (200, Shape::Json("VerifiedEmail")),
)
.access(Access::Auth)
.refuses(&[Code::InvalidToken]);
static REQUEST_PASSWORD_RESET: Op = Op::post(
    "/v1/auth/request-password-reset",
    "requestPasswordReset",
    "",
    "Ask for a link to set a new password. The answer is the same whether there is such an account or not.",
    Body::Json("Forgotten"),
    (202, Shape::Json("Message")),
)
.access(Access::Login);
static RESET_PASSWORD: Op = Op::post(
    "/v1/auth/reset-password",
    "resetPassword",
    "",
    "Set a new password with the token of that link. All sessions end; nobody is signed in.",
    Body::Json("NewPassword"),
    (200, Shape::Json("Message")),
)
.access(Access::Login)
.refuses(&[Code::InvalidToken, Code::WeakPassword]);
static SET_INITIAL_PASSWORD: Op = Op::post(
    "/v1/auth/set-initial-password",
    "setInitialPassword",
    "",
    "Set the first password with the same token, after the address was proved.",
    Body::Json("InitialPassword"),
    (200, Shape::Json("Message")),
)
.access(Access::Auth)
.refuses(&[Code::InvalidToken, Code::EmailNotVerified, Code::WeakPassword]);

/// The operations of this file.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        LOGIN.open(login),
        REFRESH.open(refresh),
        LOGOUT.to(logout),
        VERIFY_EMAIL.open(verify_email),
        SET_INITIAL_PASSWORD.open(set_initial_password),
        REQUEST_PASSWORD_RESET.open(request_password_reset),
        RESET_PASSWORD.open(reset_password),
    ]
}

/// A token or a tenant's slug: text of a bounded length, compared and nothing else.
pub(crate) fn word(v: Value) -> Result<String, &'static str> {
    let text = fields::string(v)?;
    if (1..=512).contains(&text.len()) { Ok(text) } else { Err("1 to 512 bytes.") }
}

async fn login(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let email = f.required("email", "Enter your e-mail address.", word);
    let password = f.required("password", "Enter your password.", password::present);
    let tenant_slug = f.optional("tenant_slug", word);
    let hold = hold(&mut f);
    let login = f.finish(email.zip(password).map(|(email, password)| Login { email, password, tenant_slug, hold }))?;
    visit.may_hold(hold)?;
    match visit.app().login(visit.origin(), login).await? {
        LoggedIn::Whole(whole) => signed_in(visit, &whole, json!({})).await,
        LoggedIn::SecondStep(step) => {
            let mut answer =
                json!({ "mfa_required": true, "challenge_id": step.challenge_id.expose(), "methods": step.methods });
            if step.enrolment {
                answer["enrollment_required"] = json!(true);
            }
            Ok(render::json(200, &answer))
        }
    }
}
/// What the client wants to hold of its session.
pub(crate) fn hold(f: &mut Fields) -> Hold {
    if f.optional("cookie", fields::boolean) == Some(true) { Hold::Cookie } else { Hold::Tokens }
}
/// A sign-in, with the tenant that the next calls have to name, and these members besides.
pub(crate) async fn signed_in(visit: Visit, signed_in: &SignedIn, mut answer: Value) -> Result<Response> {
    answer["tenant_id"] = json!(signed_in.tenant_id);
    match &signed_in.given {
        Given::Tokens(given) => {
            if let (Some(answer), Value::Object(tokens)) = (answer.as_object_mut(), tokens(given)) {
                answer.extend(tokens);
            }
            Ok(render::json(200, &answer))
        }
        Given::Cookie(given) => {
            answer["expires_at"] = json!(given.idle_at);
            let mut answer = render::json(200, &answer);
            let (app, origin) = (visit.app().clone(), visit.origin());
            let held = cookie::held(&app.settings().public_url, visit.headers()).map(str::to_owned);
            drop(visit);
            let cookie = cookie::replace(&app, origin, held.as_deref(), given).await?;
            cookie::put(&mut answer, [cookie])?;
            Ok(answer)
        }
    }
}
fn tokens(given: &Tokens) -> Value {
    json!({
        "token": given.access,
        "expires_at": given.expires_at,
        "refresh_token": given.refresh.expose(),
        "refresh_expires_at": given.refresh_expires_at,
    })
}
async fn refresh(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let token = f.required("refresh_token", "Send the refresh token.", word);
    let token = f.finish(token)?;
    Ok(render::json(200, &tokens(&visit.app().refresh(visit.origin(), &token).await?)))
}

async fn logout(mut call: Call) -> Result<Response> {
    call.take_fields().finish(Some(()))?;
    call.app().logout(&call.cx).await?;
    let mut answer = render::nothing();
    cookie::put(&mut answer, cookie::clear(&call.app().settings().public_url))?;
    Ok(answer)
}

async fn verify_email(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let token = f.required("token", "Send the token of the link.", word);
    let token = f.finish(token)?;
    let verified = visit.app().verify_email(visit.origin(), token).await?;
    let message = match verified.invited {
        true => "Your address is verified. Set a password next.",
        false => "Your address is verified.",
    };
    Ok(render::json(200, &json!({ "message": message, "email": verified.email })))
}

async fn request_password_reset(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let email = f.required("email", "Enter your e-mail address.", word);
    let tenant_slug = f.optional("tenant_slug", word);
    let of = f.finish(email.map(|email| Forgotten { email, tenant_slug }))?;
    visit.app().request_password_reset(visit.origin(), of).await?;
    Ok(render::json(202, &json!({ "message": "If there is such an account, a mail with a link is on its way." })))
}

async fn reset_password(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let token = f.required("token", "Send the token of the link.", word);
    let password = f.required("new_password", "Choose a password.", password::candidate);
    let (token, password) = f.finish(token.zip(password))?;
    visit.app().reset_password(visit.origin(), &token, password).await?;
    Ok(render::message("Your password is set. You can sign in now."))
}

async fn set_initial_password(mut visit: Visit) -> Result<Response> {
    let mut f = visit.take_fields();
    let token = f.required("token", "Send the token of the invitation.", word);
    // Whether it is good enough is `weak_password` (spec 2.4), which the service says.
    let password = f.required("password", "Choose a password.", password::candidate);
    let (token, password) = f.finish(token.zip(password))?;
    visit.app().set_initial_password(visit.origin(), token, password).await?;
    Ok(render::message("Your password is set. You can sign in now."))
}
