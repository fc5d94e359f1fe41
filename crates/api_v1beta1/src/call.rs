//! What a handler gets, and how it answers.
use axum::body::Body;
use portcullis_domain::{Ctx, Error};
use portcullis_service::{Answer, IdempotencyKey, Reply};
use portcullis_wire_v1beta1::{DynamicMessage, Endpoint, Messages, Object, View, Zeros, json, write};
use prost::Message as _;

use crate::encoding::Encoding;

/// One call on its way: who calls what, and in which form the answer goes back.
pub struct Call {
    /// The row of the table.
    pub endpoint: &'static Endpoint,
    /// How it was sent.
    pub encoding: Encoding,
    /// Who calls.
    pub cx: Ctx,
    /// Its `Idempotency-Key`, on calls that change something.
    pub key: Option<IdempotencyKey>,
    /// What a browser kept since it began to sign in ([`portcullis_edge::cookie::STRATEGY`]).
    pub kept: Option<String>,
    /// The cookie of the session that the browser is in ([`portcullis_edge::cookie::held`]).
    pub held: Option<String>,
}

/// What a handler answers.
pub enum Outcome {
    /// One message.
    Answer(Answer),
    /// A file in pieces (exports).
    File {
        /// Its media type.
        media: &'static str,
        /// The pieces.
        body: Body,
    },
}
impl From<Answer> for Outcome {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// An answer that is written straight from a domain value. `tests` prove that it is the message it says it is.
pub trait Response {
    /// What it shows.
    type Of: ?Sized;
    /// The message, by its name in the package.
    const MESSAGE: &'static str;
    /// Writes its fields.
    fn write(of: &Self::Of, object: &mut Object<'_>);
}

struct Whole<'a, R: Response>(&'a R::Of);
impl<R: Response> View for Whole<'_, R> {
    fn write(&self, object: &mut Object<'_>) {
        R::write(self.0, object);
    }
}

impl Call {
    /// A message that is written from a domain value.
    pub fn answer<R: Response>(&self, of: &R::Of) -> Answer {
        render::<R>(self.encoding, of)
    }
    /// A message that was put together by its descriptor.
    pub fn message(&self, message: &DynamicMessage) -> Answer {
        Answer::new(
            200,
            match self.encoding {
                Encoding::Rest | Encoding::ConnectJson => json::write(message, self.encoding.zeros()),
                Encoding::ConnectProto => message.encode_to_vec(),
            },
        )
    }
    /// A message without fields.
    pub fn empty(&self) -> Answer {
        match self.encoding {
            Encoding::Rest | Encoding::ConnectJson => Answer::new(200, b"{}".to_vec()),
            Encoding::ConnectProto => Answer::new(200, vec![]),
        }
    }
    /// How a use case renders its value, inside its transaction; takes the call's idempotency key along.
    pub fn reply<R: Response<Of: Sized>>(&mut self) -> Reply<R::Of> {
        Reply {
            key: self.key.take(),
            render: match self.encoding {
                Encoding::Rest => |of| render::<R>(Encoding::Rest, of),
                Encoding::ConnectJson => |of| render::<R>(Encoding::ConnectJson, of),
                Encoding::ConnectProto => |of| render::<R>(Encoding::ConnectProto, of),
            },
        }
    }
}

fn render<R: Response>(encoding: Encoding, of: &R::Of) -> Answer {
    match encoding {
        Encoding::Rest | Encoding::ConnectJson => Answer::new(200, write(&Whole::<R>(of), encoding.zeros())),
        Encoding::ConnectProto => {
            let text = write(&Whole::<R>(of), Zeros::LeftOut);
            match json::read_strictly(Messages::named(R::MESSAGE), &text) {
                Ok(message) => Answer::new(200, message.encode_to_vec()),
                Err(e) => {
                    let e = Error::internal(format!("{}: {e}", R::MESSAGE));
                    tracing::error!(cause = e.cause(), "a view does not write its message");
                    crate::error::answer(Encoding::ConnectProto, &e)
                }
            }
        }
    }
}
