//! Empty on purpose: glommio-ng 0.12 declares `bitmaps` (MPL-2.0) and names it nowhere. Hamster's
//! dependencies are permissive only, so this stands in for it. ADR 0003 says when it may go.
