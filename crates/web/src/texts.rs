//! Every word that a page of ours says. Another language is another [`Texts`].
//!
//! `{…}` stands for a value that [`fill`] puts there. What the service says of an error is in its own words and not here.

macro_rules! catalogue {
    ($($name:ident: $text:literal,)*) => {
        /// The words of one language.
        #[allow(missing_docs, reason = "each is named after what it says")]
        #[derive(Debug)]
        pub struct Texts { $(pub $name: &'static str,)* }
        /// English.
        pub static EN: Texts = Texts { $($name: $text,)* };
        #[cfg(test)]
        const ALL: &[(&str, &str)] = &[$((stringify!($name), $text),)*];
    };
}

catalogue! {
    // on every page
    product: "Portcullis",
    skip: "Skip to the content",
    sign_out: "Sign out",
    save: "Save",
    never: "Never",

    // signing in
    sign_in: "Sign in",
    sign_in_to: "Sign in to {tenant}",
    email: "E-mail address",
    next: "Next",
    password: "Password",
    sign_in_with: "Sign in with {provider}",
    provider_failed: "You could not be signed in there. Try again; if it fails again, ask your administrator, who finds the reason in the audit log.",
    provider_away: "Your identity provider does not answer as it should. Try again later, or ask your administrator.",
    provider_left: "You turned back at your identity provider. Choose it again, or sign in with a password.",
    provider_elsewhere: "This sign-in took too long, or began in another browser. Begin again.",
    other_address: "Use another address",
    enter_email: "Enter your e-mail address, such as ada@example.com.",
    enter_password: "Enter your password.",
    wrong_credentials: "The e-mail address or the password is wrong.",
    no_such_tenant: "There is no sign-in at this address. Check the link that you were given.",
    done_signed_out: "You are signed out.",
    done_password_set: "Your password is set. Sign in with it now.",
    session_ended: "Sign in to go on.",
    sign_in_again: "That took too long, or too many codes were wrong. Sign in again.",
    begin_again: "Begin again",
    second_step: "Your second factor",
    second_step_explained: "Enter the code that your authenticator app shows, or one of your backup codes.",
    code: "Code",
    enter_code: "Enter a code.",
    enrolment: "One more step",
    enrolment_demanded: "Signing in here takes a second factor. Scan this with an authenticator app on your phone, then enter the code that it shows.",
    sign_out_ask: "Sign out of this browser?",
    sign_out_explained: "Your sessions on other devices go on. You can end them under “Sessions” in your account.",
    stay: "Stay signed in",

    // invitation
    invitation_welcome: "Welcome, {name}",
    invitation_explained: "You were invited to {tenant}. Choose a password, and your account is ready.",
    new_password: "New password",
    new_password_again: "The same password again",
    password_hint: "At least {n} characters. A few words that only you would put together are easy to remember and hard to guess.",
    password_long: "This is too long: at most 256 bytes.",
    passwords_differ: "The two passwords are not the same.",
    set_password: "Set the password",
    bad_link: "This link does not work any more",
    bad_link_explained: "It was used already, has expired, or a newer one was sent. Ask whoever invited you for a new one.",

    // a forgotten password, an address to prove
    forgotten: "Forgotten password",
    forgotten_explained: "Enter your address. If there is an account that signs in with a password, a mail with a link comes in a minute.",
    forgotten_ask: "Forgot your password?",
    send_link: "Send the link",
    done_reset_asked: "If there is such an account, a mail is on its way. Its link works for 30 minutes.",
    reset: "A new password",
    reset_explained: "When you set it, all your sessions end, on this device too. Then sign in with the new password.",
    bad_reset_explained: "It was used already, has expired, or a newer one was sent. Ask for another where you sign in.",
    verify: "Is this your address?",
    verify_explained: "Confirm that the mail with this link came to you.",
    verify_confirm: "Confirm the address",
    done_address_verified: "Your address is confirmed.",
    bad_verification_explained: "It was used already, has expired, or a newer one was sent.",

    // the account
    account_pages: "Pages of your account",
    profile: "Profile",
    profile_explained: "How others see you.",
    first_name: "First name",
    last_name: "Last name",
    display_name: "Display name",
    display_name_hint: "What you like to be called, if it is not your name.",
    names_kept_elsewhere: "Your identity provider keeps your name: change it there.",
    names: "Names",
    details: "Details",
    address_verified: "verified",
    address_unverified: "not verified",
    organization_of: "Tenant",
    roles: "Roles",
    last_sign_in: "Last sign-in",
    member_since: "Member since",
    picture: "Picture",
    picture_of: "Picture of {name}",
    picture_hint: "PNG, JPEG, GIF or WebP, at most 190 KB and 4,096 pixels a side.",
    picture_choose: "Choose a picture",
    picture_upload: "Use this picture",
    picture_remove: "Remove the picture",
    picture_elsewhere: "Your picture is kept at {url}. Upload one to keep it here.",
    picture_missing: "Choose a picture first.",
    picture_wrong: "This is no PNG, JPEG, GIF or WebP picture.",
    picture_large: "This picture is too large: at most 190 KB.",
    done_profile: "Your profile is saved.",
    done_picture: "Your picture is saved.",
    done_picture_removed: "Your picture is removed.",

    change_password: "Change your password",
    change_password_explained: "You stay signed in here. Everywhere else you will be signed out.",
    password_elsewhere: "You sign in at your identity provider: change your password there.",
    current_password: "Current password",
    done_password: "Your password is changed, and your other sessions have ended.",

    factors: "Second factors",
    factors_explained: "With a second factor, who has learned your password still cannot sign in as you.",
    factors_none: "You have no second factor yet.",
    passkey_sign_in: "Sign in with a passkey",
    passkey_sign_in_explained: "Your browser asks which passkey, and your device makes sure that it is you.",
    passkey_use: "Use my passkey",
    passkey_not: "Sign in with a password",
    passkey: "Passkey",
    passkey_named: "Passkey “{name}”",
    passkey_hint: "Kept by your phone, your computer or your password manager, and opened with your finger, your face or a PIN.",
    passkey_add: "Add a passkey",
    passkey_explained: "Give the passkey a name; then your browser asks where to keep it.",
    security_key: "Security key",
    security_key_named: "Security key “{name}”",
    security_key_hint: "A small device that you plug in, or hold to your phone, and touch.",
    security_key_add: "Add a security key",
    security_key_explained: "Give the key a name; then your browser asks you to touch it.",
    credential_name_hint: "To tell it from others, such as “my laptop”.",
    credential_enter_name: "Enter a name.",
    credential_failed: "That did not work. Try again; what is added already cannot be added twice.",
    credential_script: "This page needs JavaScript: browsers speak to passkeys and security keys in no other way.",
    credential_use: "Use a passkey or security key",
    factor_about: "Added on {when}, {used}",
    factor_remove: "Remove",
    factor_remove_of: "Remove {name}",
    app: "Authenticator app",
    app_named: "Authenticator app “{name}”",
    app_hint: "An app on your phone shows a new code every 30 seconds, which you enter when you sign in.",
    app_add: "Add the app",
    app_explained: "Scan this with an authenticator app on your phone, then enter the code that it shows.",
    app_code: "Code that the app shows",
    app_name: "Name",
    app_name_hint: "To tell it from others, such as “my phone”. You may leave it empty.",
    app_over: "That took too long: begin again.",
    qr: "QR code for your authenticator app. The same is written below it.",
    seed_by_hand: "Or enter this key in the app by hand:",
    not_now: "Not now",
    codes: "Backup codes",
    codes_explained: "Each of these signs you in once if your second factor is lost. Print them, or keep them where you keep passwords: they are shown only now.",
    codes_kept: "I have kept them",
    codes_left: "{n} of your backup codes are left. New ones take the place of all before.",
    codes_renew: "Make new backup codes",
    factor_first: "Your organization demands a second factor: add one to go on.",
    done_factor_added: "Your second factor is added.",
    done_factor_removed: "The second factor is removed.",
    reauthenticate: "Is it you?",
    reauthenticate_explained: "You signed in a while ago. Show once more that it is you, then go on.",
    reauthenticate_or: "Or enter a code instead of your password.",
    reauthenticate_half: "You came in by mail, and your account has a second factor: enter the code that your app shows. If you have a passkey or a security key instead, sign out, and sign in with your password or with the passkey alone.",
    reauthenticate_vouched: "You came in by your identity provider, and your account has a second factor here: enter the code that your app shows. If you have a passkey or a security key instead, sign out, and in again on the sign-in page, which asks for it.",
    reauthenticate_elsewhere: "You sign in at your identity provider: sign out here, and in there again.",
    reauthenticate_go_on: "Go on",

    sessions: "Sessions",
    sessions_explained: "Where you are signed in. End any that you do not recognise, and change your password.",
    session_here: "This browser",
    session_seen: "Last used {when}",
    session_began: "Signed in on {when}",
    session_from: "from {address}",
    session_unknown: "Unknown device",
    session_device: "{browser} on {system}",
    session_end: "End",
    session_end_of: "End the session of {device}",
    sessions_end_others: "Sign out everywhere else",
    sessions_none_else: "You are signed in nowhere else.",
    done_session: "The session has ended.",
    done_sessions: "You are signed out everywhere but here.",

    keys: "API keys",
    keys_explained: "For scripts and programs that call {tenant} for you. A key can never do more than you may.",
    keys_none: "You have no API keys. Make one below when a program is to act for you.",
    key_name: "Name",
    key_name_hint: "What it is for, such as “nightly report”.",
    key_enter_name: "Enter a name.",
    key_reach: "What it may do",
    key_reach_all: "All that I may do",
    key_reach_some: "Only what I choose",
    key_areas: "Areas",
    key_choose_area: "Choose at least one area.",
    key_expires: "Ends",
    key_make: "Make an API key",
    key_revoke: "Revoke",
    key_revoke_of: "Revoke the key {name}",
    key_made: "Made on {when}",
    key_ends: "ends on {when}",
    key_never_ends: "never ends",
    key_used: "last used {when}",
    key_unused: "not used yet",
    key_everything: "all that you may do",
    done_key_revoked: "The key is revoked.",
    secret_key: "Your new API key",
    secret_token: "Your new access token",
    secret_explained: "Copy it now and keep it like a password: it is shown only this once.",
    secret_copied: "I have copied it",

    onward: "Going on",
    onward_link: "Go on if nothing happens",
    consent: "{application} asks for access",
    consent_explained: "{application} is not run by your organization. If you allow it, it will:",
    consent_unproved: "A program on this device says that it is {application}, and any program could say so. Go on only if you have just started it yourself. If you allow it, it will:",
    consent_who: "You are signed in as {email}.",
    consent_later: "You can take this back under “Applications” in your account.",
    allow: "Allow",
    deny: "Do not allow",
    scope_openid: "know that it is you, each time that you sign in there",
    scope_profile: "see your name",
    scope_email: "see your e-mail address",
    scope_roles: "see your roles",
    scope_groups: "see which groups you are in",
    scope_offline: "keep its access when you sign out, until you take it back",
    scope_own: "use “{scope}”",
    applications: "Applications",
    applications_explained: "Where you are signed in with your account in {tenant}, and what you allowed.",
    applications_none: "You are signed in to no application.",
    application_since: "Allowed on {when}",
    application_leave: "Sign out and take back",
    application_leave_of: "Sign out and take back what you allowed {application}",
    done_application_left: "You are signed out there, and what you allowed is taken back.",

    device: "Connect a device",
    device_explained: "Enter the code that your device shows.",
    device_code: "Code",
    device_wrong: "This code is not right, or is too old. Look at your device: it may show a new one.",
    device_confirm: "Let {application} in?",
    device_confirm_explained: "A device shows the code {code} and wants to sign in to {application} as you. Go on only if you started this yourself and the device is in front of you.",
    device_told: "It will:",
    done_device_allowed: "Your device is signed in. You can close this page.",
    device_denied: "Your device was not let in.",

    leave_ask: "Sign out?",
    leave_explained: "{application} asks to sign you out here too.",
    leave_explained_nobody: "You were asked to sign out.",

    days_30: "in 30 days",
    days_90: "in 90 days",
    days_365: "in a year",

    tokens: "Access tokens",
    tokens_explained: "A personal access token acts as you in one organization, with the roles that you give it.",
    tokens_none: "You have no access tokens in {organization}.",
    tokens_no_organization: "Access tokens belong to an organization, and you are a member of none. An administrator can add you to one.",
    token_organization: "Organization",
    token_show: "Show",
    token_title: "Title",
    token_title_hint: "What it is for, such as “deployments”.",
    token_enter_title: "Enter a title.",
    token_role_organization: "Role in the organization",
    token_role_projects: "Role in all of its projects",
    token_no_role: "None",
    token_choose_role: "Choose at least one role.",
    token_make: "Make an access token",
    token_delete: "Delete",
    token_delete_of: "Delete the token {name}",
    token_expired: "expired on {when}",
    done_token_deleted: "The access token is deleted.",

    rights: "Permissions",
    rights_explained: "What you may do in {tenant}, at least somewhere. Roles in organizations and projects may add to it.",
    rights_none: "You hold no permissions of the tenant itself.",
    rights_roles: "Your roles",

    // when something is in the way
    error_not_found: "There is nothing here",
    error_not_found_explained: "The page may have moved, or the link is incomplete.",
    error_forbidden: "This is not allowed",
    error_many: "A little slower, please",
    error_large: "This is too large",
    error_refused: "This did not work",
    error_ours: "Something went wrong on our side",
    error_ours_explained: "It was not you. Try again in a moment; if it stays, tell your administrator the number below.",
    error_away: "Back in a moment",
    error_away_explained: "The server cannot answer right now. Try again shortly.",
    error_origin: "This form was sent from another address than {own}. Open the page there, and try again.",
    error_number: "Number of this request",
    error_home: "Go to the start",

    // times
    just_now: "just now",
    minute_ago: "a minute ago",
    minutes_ago: "{n} minutes ago",
    hour_ago: "an hour ago",
    hours_ago: "{n} hours ago",
    day_ago: "yesterday",
    days_ago: "{n} days ago",
    months: "January February March April May June July August September October November December",
    date: "{day} {month} {year}",
}

/// A text with its values in place.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    let mut rest = text;
    // one pass: what a value says is never taken for a place
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            out.push('{');
            rest = after;
            continue;
        };
        out.push_str(values.iter().find(|(n, _)| *n == name).map_or("", |(_, v)| v));
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_filled_again() {
        assert_eq!(fill("a {x} b {y}.", &[("x", "{y}"), ("y", "1")]), "a {y} b 1.");
        assert_eq!(fill("{n}{", &[("n", "2")]), "2{");
    }

    #[test]
    fn every_text_is_said_somewhere() {
        let mut pages = String::new();
        let mut folders = vec![std::path::PathBuf::from(env!("CARGO_MANIFEST_DIR"))];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.extension().and_then(|e| e.to_str()) {
                    _ if path.is_dir() => folders.push(path),
                    Some("html" | "rs") if !path.ends_with("texts.rs") => {
                        pages.push_str(&std::fs::read_to_string(path).unwrap());
                    }
                    _ => {}
                }
            }
        }
        let said: std::collections::HashSet<&str> = ["EN.", "t."]
            .into_iter()
            .flat_map(|catalogue| pages.split(catalogue).skip(1))
            .filter_map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next())
            .collect();
        let unsaid: Vec<_> = ALL.iter().map(|(name, _)| name).filter(|name| !said.contains(*name)).collect();
        assert!(unsaid.is_empty(), "{unsaid:?}");
        assert!(ALL.iter().all(|(_, text)| !text.is_empty()));
    }
}
