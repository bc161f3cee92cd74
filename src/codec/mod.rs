//! G.711: µ-law and A-law to 16-bit linear samples and back.
//!
//! Decoding is a table made at compile time. Encoding is arithmetic on the position of the highest bit, with no
//! branch that depends on the sample. Both are pure and allocate nothing.

pub mod alaw;
pub mod mulaw;
