use std::collections::VecDeque;

/// A message and how many times it was received.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message<T> {
    /// Its content.
    pub body: T,
    /// Receives so far.
    pub received: u32,
}

/// An at-least-once queue with a dead-letter queue.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Queue<T> {
    waiting: VecDeque<Message<T>>,
    max_receives: u32,
    /// Messages that were returned after `max_receives` receives.
    pub dead_letters: Vec<T>,
}

impl<T> Queue<T> {
    /// A queue that moves a message to its dead-letter queue after this many receives.
    #[must_use]
    pub fn new(max_receives: u32) -> Self {
        Self { waiting: VecDeque::new(), max_receives, dead_letters: Vec::new() }
    }

    /// `SendMessage`.
    pub fn send(&mut self, body: T) {
        self.waiting.push_back(Message { body, received: 0 });
    }

    /// `ReceiveMessage`. Dropping the message deletes it.
    pub fn receive(&mut self) -> Option<Message<T>> {
        let mut message = self.waiting.pop_front()?;
        message.received += 1;
        Some(message)
    }

    /// Ends the visibility timeout of a received message.
    pub fn return_message(&mut self, message: Message<T>) {
        if message.received >= self.max_receives {
            self.dead_letters.push(message.body);
        } else {
            self.waiting.push_back(message);
        }
    }
}
