//! Spans: begun below a parent, recorded when they are dropped.

use std::borrow::Cow;
use std::sync::PoisonError;

use http::HeaderMap;

use crate::scope::Notes;
use crate::{Context, Finished, Kind, Scope, Tracer, Value, state};

/// A span that is open; recorded when it is dropped.
pub struct Span {
    tracer: Tracer,
    /// `None` once it is recorded.
    open: Option<Finished>,
    context: Context,
    notes: Notes,
}

impl Tracer {
    /// The scope of background work, whose spans begin traces of their own or go on with those of events.
    pub fn background(&self) -> Scope {
        Scope {
            tracer: self.clone(),
            context: None,
            notes: Notes::default(),
        }
    }

    /// Begins a span below a parent that came from elsewhere, or a new trace.
    pub fn begin(&self, kind: Kind, name: impl Into<Cow<'static, str>>, parent: Option<&Context>) -> Span {
        let (trace_id, span_id) = self.ids();
        match parent {
            Some(parent) => self.below(kind, name.into(), parent, (span_id, true)),
            None => self.root(kind, name.into(), trace_id, span_id),
        }
    }

    /// Begins a trace with this id, unless it is none.
    pub fn begin_as(&self, kind: Kind, name: impl Into<Cow<'static, str>>, trace_id: [u8; 16]) -> Span {
        let (random, span_id) = self.ids();
        let trace_id = if trace_id == [0; 16] { random } else { trace_id };
        self.root(kind, name.into(), trace_id, span_id)
    }

    fn ids(&self) -> ([u8; 16], [u8; 8]) {
        let random = self.0.random();
        let (mut trace_id, mut span_id) = ([0; 16], [0; 8]);
        trace_id.copy_from_slice(&random[..16]);
        span_id.copy_from_slice(&random[16..]);
        (trace_id, span_id)
    }

    fn root(&self, kind: Kind, name: Cow<'static, str>, trace_id: [u8; 16], span_id: [u8; 8]) -> Span {
        let context = Context::new(trace_id, span_id, self.0.samples(trace_id));
        self.open(kind, name, context, None)
    }

    fn below(
        &self,
        kind: Kind,
        name: Cow<'static, str>,
        parent: &Context,
        (span_id, remote): ([u8; 8], bool),
    ) -> Span {
        self.open(
            kind,
            name,
            parent.with_span(span_id),
            Some((parent.span_id, remote)),
        )
    }

    fn open(
        &self,
        kind: Kind,
        name: Cow<'static, str>,
        context: Context,
        parent: Option<([u8; 8], bool)>,
    ) -> Span {
        let started = self.0.now();
        Span {
            tracer: self.clone(),
            notes: Notes::default(),
            open: Some(Finished {
                context: context.clone(),
                parent,
                kind,
                name,
                started,
                ended: started,
                attributes: Vec::new(),
                links: Vec::new(),
                failed: None,
            }),
            context,
        }
    }
}

impl Span {
    /// A span below that of this task; `None` where no trace is followed.
    pub fn child(kind: Kind, name: impl FnOnce() -> Cow<'static, str>) -> Option<Self> {
        let scope = Scope::capture()?;
        let parent = scope.context?;
        let (_trace, span_id) = scope.tracer.ids();
        Some(scope.tracer.below(kind, name(), &parent, (span_id, false)))
    }

    /// A span below a parent that came with an event, or a new trace; `None` where no trace is followed.
    pub fn continuing(
        kind: Kind,
        name: impl FnOnce() -> Cow<'static, str>,
        parent: Option<Context>,
    ) -> Option<Self> {
        let scope = Scope::capture()?;
        Some(scope.tracer.begin(kind, name(), parent.as_ref()))
    }

    pub fn context(&self) -> &Context {
        &self.context
    }

    /// Adds an attribute.
    pub fn set(&mut self, name: &'static str, value: impl Into<Value>) {
        if let Some(open) = &mut self.open {
            open.attributes.push((name, value.into()));
        }
    }

    /// Names a trace that this one goes back to and does not continue.
    pub fn link(&mut self, to: Context) {
        if let Some(open) = &mut self.open {
            open.links.push(to);
        }
    }

    /// Nobody wants to see it.
    pub fn discard(&mut self) {
        self.open = None;
    }

    /// It ended in an error of this class.
    pub fn fail(&mut self, class: &'static str) {
        if let Some(open) = &mut self.open {
            open.failed = Some(class);
        }
        self.set("error.type", class);
    }

    /// The scope of the work that the span stands for.
    pub fn scope(&self) -> Scope {
        Scope {
            tracer: self.tracer.clone(),
            context: Some(self.context.clone()),
            notes: self.notes.clone(),
        }
    }

    /// The headers of a request to a role that may be of this process, which then [recognizes](Tracer::vouches) it.
    pub fn headers_to_ours(span: Option<&Self>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(span) = span {
            let word = span.tracer.0.vouch(&span.context);
            let state = state::with_ours(span.context.state.as_deref(), word);
            span.context.write_with(&mut headers, Some(&state));
        }
        headers
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        let Some(mut open) = self.open.take().filter(|open| open.context.sampled) else {
            return;
        };
        let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        open.attributes.append(&mut notes);
        drop(notes);
        // The name of a server's span ends with its route, which is known late.
        let route = open.attributes.iter().find_map(|(name, value)| match value {
            Value::Text(route) if *name == "http.route" => Some(route.clone()),
            Value::Text(_) | Value::Number(_) => None,
        });
        if let Some(route) = route {
            open.name = format!("{} {route}", open.name).into();
        }
        open.ended = self.tracer.0.now();
        self.tracer.0.record(open);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};
    use std::time::SystemTime;

    use http::HeaderMap;

    use super::*;
    use crate::{Recorder, current, note, scoped};

    #[derive(Clone, Debug, Default)]
    struct Kept {
        spans: Arc<Mutex<Vec<Finished>>>,
        ids: Arc<Mutex<u8>>,
        samples: bool,
    }

    impl Recorder for Kept {
        fn now(&self) -> SystemTime {
            SystemTime::UNIX_EPOCH
        }

        fn random(&self) -> [u8; 24] {
            let mut last = self.ids.lock().unwrap();
            *last += 1;
            [*last; 24]
        }

        fn samples(&self, _trace_id: [u8; 16]) -> bool {
            self.samples
        }

        fn vouch(&self, context: &Context) -> u64 {
            u64::from_be_bytes(context.span_id) ^ 0x5eed
        }

        fn record(&self, span: Finished) {
            self.spans.lock().unwrap().push(span);
        }
    }

    fn kept(samples: bool) -> (Kept, Tracer) {
        let kept = Kept {
            samples,
            ..Kept::default()
        };
        (kept.clone(), Tracer::new(kept))
    }

    #[tokio::test]
    async fn a_span_belongs_to_that_of_its_task_and_knows_its_route_late() {
        let (kept, tracer) = kept(true);
        let server = tracer.begin(Kind::Server, "GET", None);
        let root = server.context().clone();
        scoped(Some(server.scope()), async {
            note("http.route", || "/first/{id}".into());
            note("http.route", || "/orders/{id}".into());
            assert_eq!(current(), Some(root.clone()));
            drop(Span::child(Kind::Client, || "transaction".into()));
        })
        .await;
        drop(server);
        let spans = kept.spans.lock().unwrap();
        assert_eq!(spans[0].parent, Some((root.span_id, false)));
        assert_eq!(spans[0].context.trace_id, root.trace_id);
        assert_eq!(
            (spans[1].name.as_ref(), spans[1].parent),
            ("GET /orders/{id}", None)
        );
        assert_eq!(spans[1].attributes.len(), 1);
    }

    #[tokio::test]
    async fn without_a_recorder_there_is_no_span() {
        assert!(Span::child(Kind::Client, || unreachable!("no name is made")).is_none());
        assert!(Span::continuing(Kind::Consumer, || unreachable!("no name is made"), None).is_none());
        assert_eq!(current(), None);
        assert!(Span::headers_to_ours(None).is_empty());
    }

    #[test]
    fn a_trace_that_is_not_sampled_is_continued_and_not_recorded() {
        let (kept, tracer) = kept(false);
        let root = tracer.begin_as(Kind::Server, "GET", [7; 16]);
        assert_eq!(root.context().trace_id, [7; 16]);
        assert!(root.context().traceparent().ends_with("-00"));
        drop(tracer.begin(Kind::Server, "GET", Some(root.context())));
        drop(root);
        assert_eq!(kept.spans.lock().unwrap().len(), 0);
        let none = tracer.begin_as(Kind::Server, "GET", [0; 16]);
        assert_ne!(none.context().trace_id, [0; 16]);
    }

    #[test]
    fn a_process_knows_its_own_headers_and_no_others() {
        let (_kept, tracer) = kept(true);
        let span = tracer.begin(Kind::Client, "call order", None);
        let headers = Span::headers_to_ours(Some(&span));
        let carried = Context::of(&headers).unwrap();
        assert!(tracer.vouches(&carried));
        assert!(!tracer.vouches(&carried.with_span([9; 8])));
        let mut forged: HeaderMap = headers.clone();
        forged.insert(crate::TRACESTATE, "latchkey=0123456789abcdef".parse().unwrap());
        assert!(!tracer.vouches(&Context::of(&forged).unwrap()));
        forged.remove(crate::TRACESTATE);
        assert!(!tracer.vouches(&Context::of(&forged).unwrap()));
    }
}
