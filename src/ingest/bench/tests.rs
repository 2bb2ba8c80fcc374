//! Every format, from text.
