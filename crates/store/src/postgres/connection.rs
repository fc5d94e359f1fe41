//! One PostgreSQL connection with a transaction that begins with its first statement (in one flight) and whose last writes
//! travel with COMMIT.
use bytes::BytesMut;
use deadpool_postgres::Object;
use futures_util::future::join;
use futures_util::{TryStreamExt, pin_mut};
use std::pin::Pin;
use std::task::Poll;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{RowStream, Statement};
use uuid::Uuid;

use crate::param::Args;
use crate::row::Source;
use crate::{Error, P, Result, Row};

type Answer<T> = Result<T, tokio_postgres::Error>;
type InFlight<'a> = Pin<Box<dyn Future<Output = Answer<u64>> + Send + 'a>>;

/// How COMMIT can fail.
pub(super) enum CommitError {
    /// Nothing was kept.
    Failed(Error),
    /// The connection was lost after COMMIT was sent.
    Unknown(String),
}

pub(crate) struct Connection {
    client: Option<Object>,
    /// What opens the transaction, until it is open. Never set for a single read.
    begin: Option<&'static str>,
    deferred: Vec<Deferred>,
    /// May a transaction be open, or a statement in flight? Then the connection is not given back.
    open: bool,
    /// Did anything change?
    wrote: bool,
}

/// A statement that travels with the next one.
struct Deferred {
    text: &'static str,
    values: Vec<Value>,
}

impl Connection {
    pub fn new(client: Object, begin: Option<&'static str>) -> Self {
        Self { client: Some(client), begin, deferred: vec![], open: false, wrote: false }
    }
    pub fn defer(&mut self, text: &'static str, args: &Args<'_>) {
        self.wrote = true;
        self.deferred.push(Deferred { text, values: args.iter().map(Value::from).collect() });
    }
    pub async fn run(&mut self, text: &str, args: &Args<'_>) -> Result<u64> {
        self.wrote = true;
        let rows = self.query(text, args).await?;
        pin_mut!(rows);
        while rows.try_next().await?.is_some() {}
        Ok(rows.rows_affected().unwrap_or(0))
    }
    pub async fn all<T>(
        &mut self,
        text: &str,
        writes: bool,
        args: &Args<'_>,
        read: fn(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.wrote |= writes;
        let rows = self.query(text, args).await?;
        pin_mut!(rows);
        let mut out = Vec::new();
        while let Some(row) = rows.try_next().await? {
            out.push(read(&Row(Source::Postgres(&row)))?);
        }
        Ok(out)
    }
    /// Did the use case change nothing so far?
    pub fn only_read(&self) -> bool {
        !self.wrote
    }

    /// Ends the transaction; deferred statements travel with COMMIT.
    pub(super) async fn commit(&mut self) -> Result<(), CommitError> {
        if self.deferred.is_empty() && !self.open {
            return Ok(());
        }
        let deferred = std::mem::take(&mut self.deferred);
        let statements = self.prepare_all(&deferred).await.map_err(CommitError::Failed)?;
        let begin = self.begin.take();
        self.open = true;
        let client = self.client();
        let writes = in_order(begin_then(client, begin, &deferred, &statements));
        // polled in this order, so sent in this order; COMMIT after an error is a rollback
        let (writes, commit) = join(writes, client.batch_execute("COMMIT")).await;
        match writes.and(commit) {
            Ok(()) => {
                self.open = false;
                Ok(())
            }
            Err(e) if e.as_db_error().is_none() => Err(CommitError::Unknown(e.to_string())),
            Err(e) => {
                // the server has answered COMMIT as well: the transaction is over
                self.open = self.client().is_closed();
                Err(CommitError::Failed(e.into()))
            }
        }
    }
    /// Ends the transaction and keeps nothing. If that cannot be done the connection is closed.
    pub async fn rollback(&mut self) {
        self.deferred.clear();
        if self.open && self.begin.is_none() && self.client().batch_execute("ROLLBACK").await.is_ok() {
            self.open = false;
        }
    }
    /// After a single read: nothing is in flight any more.
    pub fn finished(&mut self) {
        self.open = false;
    }

    async fn query(&mut self, text: &str, args: &Args<'_>) -> Result<RowStream> {
        let deferred = std::mem::take(&mut self.deferred);
        let statements = self.prepare_all(&deferred).await?;
        let statement = self.client().prepare_cached(text).await?;
        let values: Vec<P<'_>> = args.iter().collect();
        check(text, &statement, &values)?;
        let begin = self.begin.take();
        self.open = true;
        let client = self.client();
        if begin.is_none() && deferred.is_empty() {
            return Ok(client.query_raw(&statement, values).await?);
        }
        let before = in_order(begin_then(client, begin, &deferred, &statements));
        let (before, rows) = join(before, client.query_raw(&statement, values)).await;
        before?;
        Ok(rows?)
    }
    async fn prepare_all(&self, deferred: &[Deferred]) -> Result<Vec<Statement>> {
        let mut statements = Vec::with_capacity(deferred.len());
        for d in deferred {
            let statement = self.client().prepare_cached(d.text).await?;
            let values: Vec<P<'_>> = d.values.iter().map(Value::as_param).collect();
            check(d.text, &statement, &values)?;
            statements.push(statement);
        }
        Ok(statements)
    }
    fn client(&self) -> &Object {
        self.client.as_ref().expect("the client is taken only when the connection is dropped")
    }
}

/// A panic or a cut task must not hand an open transaction to the next user of the connection.
impl Drop for Connection {
    fn drop(&mut self) {
        if self.open
            && let Some(client) = self.client.take()
        {
            drop(Object::take(client));
        }
    }
}

fn begin_then<'a>(
    client: &'a Object,
    begin: Option<&'static str>,
    deferred: &'a [Deferred],
    statements: &'a [Statement],
) -> Vec<InFlight<'a>> {
    let begin = begin.map(|text| -> InFlight<'a> { Box::pin(async { client.batch_execute(text).await.map(|()| 0) }) });
    let writes = deferred.iter().zip(statements).map(|(deferred, statement)| -> InFlight<'a> {
        Box::pin(client.execute_raw(statement, deferred.values.iter().map(Value::as_param)))
    });
    begin.into_iter().chain(writes).collect()
}

/// Sends all before it waits for any, in this order (`join_all` promises none), and gives the first error.
async fn in_order(mut flights: Vec<InFlight<'_>>) -> Answer<()> {
    let mut answers: Vec<Option<Answer<u64>>> = flights.iter().map(|_| None).collect();
    let mut all_sent = false;
    let mut arrived = 0;
    std::future::poll_fn(|cx| {
        // the first look sends each of them; later the answers are awaited in their order, in which they arrive
        for (flight, answer) in flights.iter_mut().zip(&mut answers).skip(arrived) {
            if answer.is_none() {
                match flight.as_mut().poll(cx) {
                    Poll::Ready(out) => *answer = Some(out),
                    Poll::Pending if all_sent => return Poll::Pending,
                    Poll::Pending => continue,
                }
            }
            arrived += usize::from(all_sent);
        }
        all_sent = true;
        if answers.iter().all(Option::is_some) { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    answers.into_iter().flatten().try_for_each(|answer| answer.map(drop))
}

/// A value of the wrong kind must be found before anything is sent: the driver would leave out the statement and send the
/// COMMIT behind it.
fn check(text: &str, statement: &Statement, values: &[P<'_>]) -> Result<()> {
    let types = statement.params();
    if types.len() != values.len() {
        return Err(Error::Internal(format!("{} values for {} placeholders: {text}", values.len(), types.len())));
    }
    match types.iter().zip(values).position(|(ty, value)| !value.fits(ty)) {
        Some(i) => Err(Error::Internal(format!("${} is of type {}: {text}", i + 1, types[i]))),
        None => Ok(()),
    }
}

/// An owned parameter.
enum Value {
    Null,
    Int(i64),
    Text(String),
    Bytes(Vec<u8>),
    Uuid(Uuid),
}
impl Value {
    fn as_param(&self) -> P<'_> {
        match self {
            Self::Null => P::Null,
            Self::Int(i) => P::Int(*i),
            Self::Text(s) => P::Text(s),
            Self::Bytes(b) => P::Bytes(b),
            Self::Uuid(u) => P::Uuid(*u),
        }
    }
}
impl From<P<'_>> for Value {
    fn from(p: P<'_>) -> Self {
        match p {
            P::Null => Self::Null,
            P::Int(i) => Self::Int(i),
            P::Text(s) => Self::Text(s.into()),
            P::Bytes(b) => Self::Bytes(b.into()),
            P::Uuid(u) => Self::Uuid(u),
        }
    }
}

impl P<'_> {
    fn fits(&self, ty: &Type) -> bool {
        match self {
            P::Null => true,
            P::Int(_) => *ty == Type::INT8,
            P::Text(_) => *ty == Type::TEXT,
            P::Bytes(_) => *ty == Type::BYTEA,
            P::Uuid(_) => *ty == Type::UUID,
        }
    }
}
impl ToSql for P<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            P::Null => Ok(IsNull::Yes),
            P::Int(i) => i.to_sql(ty, out),
            P::Text(s) => s.to_sql(ty, out),
            P::Bytes(b) => b.to_sql(ty, out),
            P::Uuid(u) => u.to_sql(ty, out),
        }
    }
    /// Any: which of them it is, is known with the value only, and has been checked.
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}
