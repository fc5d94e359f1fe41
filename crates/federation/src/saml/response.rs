//! A response that the browser posted (SAML Profiles 4.1.4.2, 4.1.4.3): everything that can be checked of it by itself.
//!
//! The signature is that of the assertion, and what counts is read from the very text that was signed. What the response says around it is
//! not signed, or not looked at as if it were: it can only make matters worse.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portcullis_domain::Timestamp;
use portcullis_domain::openid::{Asserted, Fault};
use portcullis_domain::provider_config::SamlSettings;
use portcullis_domain::saml::{Heard, Report, ServiceProvider};

use super::key::OwnKey;
use super::provider::Provider;
use super::xml::{self, ASSERTION, Node, PROTOCOL};
use super::{decrypt, person, signature};

/// So far the clocks of providers may be off, in seconds.
const SKEW: i64 = 60;
/// An assertion for a sign-in of minutes is no day old, in seconds.
const OLDEST: i64 = 86_400;
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";
const ENTITY: &str = "urn:oasis:names:tc:SAML:2.0:nameid-format:entity";

/// Who hears whom, and when.
pub struct Hearing<'a> {
    pub own: &'a ServiceProvider,
    pub key: &'a OwnKey,
    pub provider: &'a Provider,
    pub settings: &'a SamlSettings,
    pub now: Timestamp,
}

const fn no<T>(why: &'static str) -> Result<T, Fault> {
    Err(Fault::Token(why))
}

/// The document of a form's `SAMLResponse`.
pub fn document(posted: &str) -> Result<String, Fault> {
    const UNREADABLE: Fault = Fault::Token("The response is no base64 of a text.");
    if posted.len() > xml::MOST * 4 / 3 + 4_096 {
        return no("The response is longer than 256 KiB.");
    }
    let packed: String = posted.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| UNREADABLE)?;
    String::from_utf8(bytes).map_err(|_| UNREADABLE)
}
/// The request that it says it answers. Nothing of it has been checked.
pub fn claims_to_answer(posted: &str) -> Option<String> {
    let text = document(posted).ok()?;
    answered(&xml::parse(&text).ok()?)
}
fn answered(doc: &uppsala::Document<'_>) -> Option<String> {
    Node::root(doc)?.attribute("InResponseTo").map(ToOwned::to_owned)
}

impl Hearing<'_> {
    /// What a response says.
    pub fn hear(&self, posted: &str) -> Report {
        let mut report = Report::unread(Fault::Busy);
        let heard = self.look(posted, &mut report);
        Report { heard, ..report }
    }
    /// The same; `report` is told what is known before it is known whether the response counts.
    fn look(&self, posted: &str, report: &mut Report) -> Result<Heard, Fault> {
        let text = document(posted)?;
        let doc = xml::parse(&text).map_err(|_| {
            Fault::Token(
                "The response is no XML that is read: too long, too deep, of too many parts, with a document type, or not well-formed.",
            )
        })?;
        report.claims_to_answer = answered(&doc);
        let Some(response) = Node::root(&doc).filter(|r| r.is(PROTOCOL, "Response")) else {
            return no("What was posted is no Response of SAML 2.0.");
        };
        if response.attribute("Version") != Some("2.0") || response.repeats_an_id() {
            return no("What was posted is no Response of SAML 2.0.");
        }
        self.is_from_the_provider(response)?;
        if response.attribute("Destination").is_some_and(|to| to != self.own.acs_url) {
            return no("The response was made for another address (Destination).");
        }
        succeeded(response)?;
        let answers = response.attribute("InResponseTo");
        if response.every().into_iter().filter(|n| is_assertion(*n)).count() != 1 {
            return no("The response has to hold one assertion, and no other anywhere.");
        }
        if let Some(plain) = response.one(ASSERTION, "Assertion") {
            return self.believe(plain, answers, report);
        }
        let Some(encrypted) = response.one(ASSERTION, "EncryptedAssertion") else {
            return no("The response has to hold one assertion, and no other anywhere.");
        };
        let text = decrypt::open(encrypted, self.key)?;
        let unread = Fault::Token("What was encrypted is no assertion that stands by itself.");
        let doc = xml::parse(&text).map_err(|_| unread.clone())?;
        let alone = |a: &Node<'_>| a.every().into_iter().filter(|n| is_assertion(*n)).count() == 1;
        let assertion = Node::root(&doc).filter(|a| a.is(ASSERTION, "Assertion") && !a.repeats_an_id() && alone(a));
        self.believe(assertion.ok_or(unread)?, answers, report)
    }
    /// What a signed assertion says, if it says it to us and now.
    fn believe(&self, assertion: Node<'_>, answers: Option<&str>, report: &mut Report) -> Result<Heard, Fault> {
        let signed = signature::verify(assertion, &self.provider.certificates)?;
        report.is_signed = true;
        let unread = Fault::Token("The assertion is too long or too deep.");
        let doc = xml::parse(&signed).map_err(|_| unread.clone())?;
        self.read(Node::root(&doc).ok_or(unread)?, answers)
    }
    /// The same of what was signed.
    fn read(&self, assertion: Node<'_>, answers: Option<&str>) -> Result<Heard, Fault> {
        let id = assertion.attribute("ID").filter(|id| (1..=256).contains(&id.len()));
        let (Some(id), Some("2.0")) = (id, assertion.attribute("Version")) else {
            return no("The assertion is not of SAML 2.0, or has no id.");
        };
        if assertion.lacks(ASSERTION, "Issuer") {
            return no("The assertion names no issuer.");
        }
        self.is_from_the_provider(assertion)?;
        let made = moment(assertion, "IssueInstant")?;
        if made.is_none_or(|t| t > self.now.plus_seconds(SKEW) || t <= self.now.plus_seconds(-OLDEST)) {
            return no("The assertion was not made now (IssueInstant): compare the clocks.");
        }
        let mut end = self.conditions(assertion)?;
        let Some(subject) = assertion.one(ASSERTION, "Subject") else { return no("The assertion names no subject.") };
        let (until, asked) = self.confirmed(subject, answers)?;
        end = end.min(until);
        let mut session_ends_at: Option<Timestamp> = None;
        let mut statements = assertion.all(ASSERTION, "AuthnStatement").peekable();
        if statements.peek().is_none() {
            return no("The assertion does not say that anybody signed in (AuthnStatement).");
        }
        for statement in statements {
            let Some(end) = moment(statement, "SessionNotOnOrAfter")? else { continue };
            if self.is_over(end) {
                return no("The session at the provider is over (SessionNotOnOrAfter).");
            }
            let end = end.plus_seconds(SKEW);
            session_ends_at = Some(session_ends_at.map_or(end, |before| before.min(end)));
        }
        Ok(Heard {
            asserted: Asserted { session_ends_at, ..person::asserted(assertion, subject, self.settings)? },
            in_response_to: asked.map(ToOwned::to_owned),
            assertion_id: id.to_owned(),
            dead_at: end.min(self.now.plus_seconds(OLDEST)).plus_seconds(SKEW),
        })
    }
    fn is_over(&self, end: Timestamp) -> bool {
        end.plus_seconds(SKEW) <= self.now
    }
    fn is_early(&self, begin: Timestamp) -> bool {
        begin > self.now.plus_seconds(SKEW)
    }
    /// A response may leave its issuer out.
    fn is_from_the_provider(&self, of: Node<'_>) -> Result<(), Fault> {
        if of.lacks(ASSERTION, "Issuer") {
            return Ok(());
        }
        let issuer = of.one(ASSERTION, "Issuer").filter(|i| i.attribute("Format").is_none_or(|f| f == ENTITY));
        match issuer.and_then(Node::text) {
            Some(issuer) if issuer == self.provider.entity_id => Ok(()),
            _ => no("It is of another issuer than the provider's entity id."),
        }
    }
    /// SAML Core 2.5: each condition has to be understood, and to hold. Until when they do.
    fn conditions(&self, assertion: Node<'_>) -> Result<Timestamp, Fault> {
        let Some(conditions) = assertion.one(ASSERTION, "Conditions") else {
            return no("The assertion has no conditions.");
        };
        if moment(conditions, "NotBefore")?.is_some_and(|t| self.is_early(t)) {
            return no("The assertion is not valid yet (NotBefore): compare the clocks.");
        }
        let end = moment(conditions, "NotOnOrAfter")?;
        if end.is_some_and(|t| self.is_over(t)) {
            return no("The assertion has expired (NotOnOrAfter): compare the clocks.");
        }
        let mut for_us = false;
        for condition in conditions.children() {
            if condition.is(ASSERTION, "AudienceRestriction") {
                for_us = condition.all(ASSERTION, "Audience").any(|a| a.text().as_ref() == Some(&self.own.entity_id));
                if !for_us {
                    break;
                }
            } else if !condition.is(ASSERTION, "OneTimeUse") && !condition.is(ASSERTION, "ProxyRestriction") {
                return no("The assertion has a condition that is not understood.");
            }
        }
        if !for_us {
            return no("The assertion is for another audience: its audience has to be our entity id.");
        }
        Ok(end.unwrap_or(self.now.plus_seconds(OLDEST)))
    }
    /// Profiles 4.1.4.2: whoever brings it is whom it speaks of, at our address, in time. Until when at most, and which request it answers.
    fn confirmed<'d>(&self, subject: Node<'d>, answers: Option<&str>) -> Result<(Timestamp, Option<&'d str>), Fault> {
        let mut why = Fault::Token("No one may bring this assertion (SubjectConfirmation of method bearer).");
        // it is remembered for as long as any of them may let it in, now or later
        let (mut until, mut fitting) = (self.now, None);
        for c in subject.all(ASSERTION, "SubjectConfirmation").filter(|c| c.attribute("Method") == Some(BEARER)) {
            let Some(data) = c.one(ASSERTION, "SubjectConfirmationData") else { continue };
            let (Some(end), begin) = (moment(data, "NotOnOrAfter")?, moment(data, "NotBefore")?) else {
                why = Fault::Token("The assertion has no end (NotOnOrAfter of SubjectConfirmationData).");
                continue;
            };
            until = until.max(end);
            why = Fault::Token(if data.attribute("Recipient") != Some(&self.own.acs_url) {
                "The assertion was made for another address (Recipient): it has to be that of our assertion consumer service."
            } else if self.is_over(end) {
                "The assertion has expired (NotOnOrAfter): compare the clocks."
            } else if begin.is_some_and(|t| self.is_early(t)) {
                "The assertion is not valid yet (NotBefore): compare the clocks."
            } else if answers.is_some() && data.attribute("InResponseTo") != answers {
                "The assertion answers another request than its response does (InResponseTo)."
            } else {
                fitting = fitting.or(Some(data.attribute("InResponseTo")));
                continue;
            });
        }
        fitting.map(|asked| (until, asked)).ok_or(why)
    }
}

fn is_assertion(n: Node<'_>) -> bool {
    n.is(ASSERTION, "Assertion") || n.is(ASSERTION, "EncryptedAssertion")
}
/// A time of an attribute, in UTC as SAML Core 1.3.3 wants it.
fn moment(of: Node<'_>, name: &str) -> Result<Option<Timestamp>, Fault> {
    let read = |t: &str| t.trim().parse().map_err(|_| Fault::Token("A time in the assertion is none."));
    of.attribute(name).map(read).transpose()
}
/// The provider's own word for why nobody signed in (SAML Core 3.2.2.2), which is short and of letters.
fn succeeded(response: Node<'_>) -> Result<(), Fault> {
    let status = response.one(PROTOCOL, "Status").and_then(|s| s.one(PROTOCOL, "StatusCode"));
    let Some(status) = status else { return no("The response has no status.") };
    if status.attribute("Value") == Some(SUCCESS) {
        return Ok(());
    }
    let inner = status.one(PROTOCOL, "StatusCode").unwrap_or(status);
    let word = inner.attribute("Value").and_then(|v| v.rsplit(':').next()).unwrap_or_default();
    let fine = (1..=64).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_alphanumeric());
    let why = if fine { word.to_owned() } else { "it does not say why".to_owned() };
    Err(Fault::Refused { what: "The provider", why })
}
