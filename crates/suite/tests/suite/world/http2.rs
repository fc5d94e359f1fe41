//! A connection of HTTP/2 without TLS, spoken from the first byte, as gRPC clients do: the transport under `tonic`.
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame};
use hyper::{HeaderMap, Request, Response, Uri};
use tokio::net::TcpStream;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::{Code, Status};

use super::Client;

type Broken = Box<dyn std::error::Error + Send + Sync>;

/// One connection.
#[derive(Clone)]
pub struct Channel(SendRequest<Bytes>);
impl Channel {
    async fn send(self, request: Request<tonic::body::Body>) -> Result<Response<Coming>, Broken> {
        let (head, mut body) = request.into_parts();
        let (answer, mut stream) = self.0.ready().await?.send_request(Request::from_parts(head, ()), false)?;
        while let Some(frame) = body.frame().await {
            // the server may have answered before it has read everything
            if let Ok(data) = frame?.into_data()
                && stream.send_data(data, false).is_err()
            {
                break;
            }
        }
        let _ = stream.send_data(Bytes::new(), true);
        Ok(answer.await?.map(Coming))
    }
}
impl tower::Service<Request<tonic::body::Body>> for Channel {
    type Response = Response<Coming>;
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Broken>> + Send>>;
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Broken>> {
        Poll::Ready(Ok(()))
    }
    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        Box::pin(self.clone().send(request))
    }
}

/// An answer's body.
pub struct Coming(RecvStream);
impl Body for Coming {
    type Data = Bytes;
    type Error = h2::Error;
    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, h2::Error>>> {
        if let Some(data) = ready!(self.0.poll_data(cx)) {
            let data = data?;
            self.0.flow_control().release_capacity(data.len())?;
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let trailers: Option<HeaderMap> = ready!(self.0.poll_trailers(cx))?;
        Poll::Ready(trailers.map(|t| Ok(Frame::trailers(t))))
    }
}

/// Messages as bytes.
struct Plain;
impl Codec for Plain {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;
    fn encoder(&mut self) -> Self {
        Self
    }
    fn decoder(&mut self) -> Self {
        Self
    }
}
impl Encoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;
    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        bytes::BufMut::put_slice(to, &item);
        Ok(())
    }
}
impl Decoder for Plain {
    type Item = Vec<u8>;
    type Error = Status;
    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        let mut item = vec![0; bytes::Buf::remaining(from)];
        bytes::Buf::copy_to_slice(from, &mut item);
        Ok(Some(item))
    }
}

/// A caller over gRPC.
pub struct GrpcClient {
    grpc: Grpc<Channel>,
    headers: Vec<(String, String)>,
}
impl GrpcClient {
    /// The same caller, on a connection of its own.
    pub async fn of(client: &Client) -> Self {
        let (address, headers) = client.parts();
        let (send, connection) = h2::client::handshake(TcpStream::connect(address).await.unwrap()).await.unwrap();
        tokio::spawn(connection);
        let origin: Uri = format!("http://{address}").parse().unwrap();
        Self { grpc: Grpc::with_origin(Channel(send), origin), headers: headers.to_vec() }
    }
    /// A call with one answer: the message and the headers.
    pub async fn unary(&mut self, path: &str, message: Vec<u8>) -> Result<tonic::Response<Vec<u8>>, Status> {
        let request = self.request(message);
        self.grpc.ready().await.map_err(broken)?;
        self.grpc.unary(request, path.parse().unwrap(), Plain).await
    }
    /// A call with many answers.
    pub async fn stream(&mut self, path: &str, message: Vec<u8>) -> Result<Vec<Vec<u8>>, Status> {
        let request = self.request(message);
        self.grpc.ready().await.map_err(broken)?;
        let mut stream = self.grpc.server_streaming(request, path.parse().unwrap(), Plain).await?.into_inner();
        let mut all = vec![];
        while let Some(message) = stream.message().await? {
            all.push(message);
        }
        Ok(all)
    }
    /// With this header besides.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }
    fn request(&self, message: Vec<u8>) -> tonic::Request<Vec<u8>> {
        let mut request = tonic::Request::new(message);
        for (name, value) in &self.headers {
            let name: tonic::metadata::AsciiMetadataKey = name.parse().unwrap();
            request.metadata_mut().insert(name, value.parse().unwrap());
        }
        request
    }
}
fn broken(e: Broken) -> Status {
    Status::new(Code::Unknown, format!("the connection broke: {e}"))
}
