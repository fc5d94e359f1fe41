//! The three forms in which a call's messages travel.
use portcullis_wire_v1beta1::Zeros;

/// How this call was sent, and so how it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// REST: JSON with zeros, fields from path, query and body.
    Rest,
    /// Connect, `application/json`: JSON without zeros.
    ConnectJson,
    /// Connect, `application/proto`: binary.
    ConnectProto,
}
impl Encoding {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rest, Self::ConnectJson, Self::ConnectProto];
    /// The media type of its messages.
    pub const fn media(self) -> &'static str {
        match self {
            Self::Rest | Self::ConnectJson => "application/json",
            Self::ConnectProto => "application/proto",
        }
    }
    /// Are zeros written in its JSON?
    pub const fn zeros(self) -> Zeros {
        match self {
            Self::Rest => Zeros::Written,
            Self::ConnectJson | Self::ConnectProto => Zeros::LeftOut,
        }
    }
}

/// The protocols that a call can be made in, all of them on the same handlers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// REST.
    Rest,
    /// Connect with JSON.
    ConnectJson,
    /// Connect with protobuf.
    ConnectProto,
    /// gRPC, with either.
    Grpc,
    /// gRPC-Web, with either, as bytes or as text.
    GrpcWeb,
}
impl Protocol {
    /// All of them, in the order of the golden list.
    pub const ALL: [Self; 5] = [Self::Rest, Self::ConnectJson, Self::ConnectProto, Self::Grpc, Self::GrpcWeb];
}
