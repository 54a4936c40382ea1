use std::collections::VecDeque;

/// A message and how often it was received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message<T> {
    /// What it says.
    pub body: T,
    /// Receptions so far.
    pub received: u32,
}

/// An at-least-once queue with dead letters: what is returned comes again until it was received too often.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Queue<T> {
    waiting: VecDeque<Message<T>>,
    max_receives: u32,
    /// Messages that were received `max_receives` times and still returned.
    pub dead: Vec<T>,
}

impl<T> Queue<T> {
    /// A queue that gives up on a message after this many receptions.
    #[must_use]
    pub fn new(max_receives: u32) -> Self {
        Self { waiting: VecDeque::new(), max_receives, dead: Vec::new() }
    }

    /// `SendMessage`.
    pub fn send(&mut self, body: T) {
        self.waiting.push_back(Message { body, received: 0 });
    }

    /// `ReceiveMessage`; forget the message to delete it.
    pub fn receive(&mut self) -> Option<Message<T>> {
        let mut message = self.waiting.pop_front()?;
        message.received += 1;
        Some(message)
    }

    /// The visibility timeout of a received message ends.
    pub fn give_back(&mut self, message: Message<T>) {
        if message.received >= self.max_receives {
            self.dead.push(message.body);
        } else {
            self.waiting.push_back(message);
        }
    }
}
