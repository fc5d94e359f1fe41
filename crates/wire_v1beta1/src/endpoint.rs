//! The 242 calls: where they are served, what goes in and out, who may (spec v1beta1 2.3).

/// Which of the two services a call belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// `FrontierService`.
    Frontier,
    /// `AdminService`.
    Admin,
}

/// The method of a REST operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the four methods of HTTP that the table uses")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}
impl Method {
    /// The word in a request line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
        }
    }
    /// Reads the word.
    pub fn parse(s: &str) -> Option<Self> {
        [Self::Get, Self::Post, Self::Put, Self::Delete].into_iter().find(|m| m.as_str() == s)
    }
}

/// What the HTTP body of a REST operation is (grpc-gateway's `body` option).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// There is none; fields that are not in the path come from the query.
    None,
    /// The whole request message, but for what is in the path.
    Whole,
    /// One field of it; the others come from the path and the query.
    Field(&'static str),
}

/// One REST operation of a call.
#[derive(Clone, Copy, Debug)]
pub struct Rest {
    /// Its method.
    pub method: Method,
    /// Its path from the root, with `{variables}` that are fields of the request.
    pub path: &'static str,
    /// Where its body goes.
    pub body: Body,
}

/// What a call answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// One message.
    Unary(&'static str),
    /// A stream of `google.api.HttpBody`: CSV in pieces.
    Stream,
}

/// Must the caller say who they are?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// No.
    Public,
    /// Yes.
    Required,
}

/// How Connect says no to those who may not (decisions 21 and 30).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// `permission_denied`.
    Denied,
    /// `unavailable`: "function not available at the moment".
    Unavailable,
}

/// Does a call change anything? Only those that do take an `Idempotency-Key` (decision 31).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It only looks.
    Reads,
    /// It writes.
    Changes,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub struct Endpoint {
    /// Its name, unique over both services.
    pub rpc: &'static str,
    /// Its service.
    pub service: Service,
    /// Where Connect and gRPC find it.
    pub path: &'static str,
    /// Where REST finds it; 24 calls never had a path.
    pub rest: &'static [Rest],
    /// The request message.
    pub input: &'static str,
    /// The answer.
    pub output: Output,
    /// Public or not.
    pub login: Login,
    /// How a refusal reads.
    pub refusal: Refusal,
    /// Whether it writes.
    pub effect: Effect,
    /// The built-in action that it is (decision 24); none for public calls and for what everyone may do for themselves.
    pub action: Option<&'static str>,
    /// The chapter of the table.
    pub area: &'static str,
    /// Who may, in the words of the table.
    pub authz: &'static str,
}

impl Endpoint {
    /// Is this closed to personal access tokens, whatever they were given ("no PAT" in the table)?
    pub fn refuses_tokens(&self) -> bool {
        self.authz.contains("no PAT")
    }
    /// Is it about accounts, plans, subscriptions or usage?
    pub fn is_billing(&self) -> bool {
        ["Billing accounts", "Subscriptions", "Products", "Entitlements"].iter().any(|area| self.area.starts_with(area))
    }
}

/// All calls, in the order of the table.
#[rustfmt::skip]
pub static ENDPOINTS: &[Endpoint] = &include!("generated/endpoints.in");

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::Messages;

    #[test]
    fn the_table_is_complete() {
        assert_eq!(ENDPOINTS.len(), 242);
        let of = |s| ENDPOINTS.iter().filter(|e| e.service == s).count();
        assert_eq!((of(Service::Frontier), of(Service::Admin)), (178, 64));
        assert_eq!(ENDPOINTS.iter().map(|e| e.rest.len()).sum::<usize>(), 237);
        assert_eq!(ENDPOINTS.iter().filter(|e| e.rest.is_empty()).count(), 24);
        assert_eq!(ENDPOINTS.iter().filter(|e| e.output == Output::Stream).count(), 6);
        assert_eq!(ENDPOINTS.iter().map(|e| e.rpc).collect::<HashSet<_>>().len(), 242);
        assert_eq!(ENDPOINTS.iter().filter(|e| e.is_billing()).count(), 50);
        let operations: HashSet<_> = ENDPOINTS.iter().flat_map(|e| e.rest).map(|r| (r.method, r.path)).collect();
        assert_eq!(operations.len(), 237);
    }

    #[test]
    fn every_message_of_the_table_exists() {
        for e in ENDPOINTS {
            assert!(Messages::get(e.input).is_some(), "{}", e.input);
            if let Output::Unary(name) = e.output {
                assert!(Messages::get(name).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn every_variable_and_every_body_is_a_field() {
        for e in ENDPOINTS {
            let input = Messages::named(e.input);
            for r in e.rest {
                for variable in r.path.split('{').skip(1).filter_map(|p| p.split('}').next()) {
                    // REST-era paths name fields that HEAD dropped (spec 2.5); their values are read and put nowhere
                    let dropped = ["org_id", "billing_id"].contains(&variable);
                    assert!(dropped || input.get_field_by_name(variable).is_some(), "{} {}", e.rpc, r.path);
                }
                if let Body::Field(name) = r.body {
                    assert!(input.get_field_by_name(name).is_some(), "{} {name}", e.rpc);
                }
            }
        }
    }

    #[test]
    fn what_no_personal_access_token_may_do() {
        let refused: Vec<_> = ENDPOINTS.iter().filter(|e| e.refuses_tokens()).map(|e| e.rpc).collect();
        assert_eq!(
            refused,
            [
                "ListSessions",
                "RevokeSession",
                "PingUserSession",
                "CreateOrganization",
                "AcceptOrganizationInvitation",
                "JoinOrganization",
                "CreateCurrentUserPAT",
            ]
        );
    }

    #[test]
    fn public_calls_are_few() {
        let public: Vec<_> = ENDPOINTS.iter().filter(|e| e.login == Login::Public).map(|e| e.rpc).collect();
        assert_eq!(
            public,
            [
                "ListAuthStrategies",
                "Authenticate",
                "AuthCallback",
                "AuthToken",
                "AuthLogout",
                "GetJWKs",
                "ListMetaSchemas",
                "GetMetaSchema",
                "CreateProspectPublic",
                "BillingWebhookCallback"
            ]
        );
    }
}
