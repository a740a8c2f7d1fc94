//! Signatures: RSA (PKCS#1 v1.5 and PSS), ECDSA on P-256 and P-384, Ed25519. The prelude reads the keys' formats.

use ring::rand::SystemRandom;
use ring::rsa::{KeyPairComponents, PublicKeyComponents};
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair, KeyPair, RsaEncoding,
    RsaParameters, UnparsedPublicKey,
};
use rquickjs::{Ctx, Exception, Function, Object, Result, TypedArray};

use crate::builtins::bytes::Bytes;

pub(super) fn install<'js>(ctx: &Ctx<'js>, object: &Object<'js>) -> Result<()> {
    object.set("rsaSign", Function::new(ctx.clone(), rsa_sign)?)?;
    object.set("rsaVerify", Function::new(ctx.clone(), rsa_verify)?)?;
    object.set("ecSign", Function::new(ctx.clone(), ec_sign)?)?;
    object.set("ecVerify", Function::new(ctx.clone(), ec_verify)?)?;
    object.set("edSign", Function::new(ctx.clone(), ed_sign)?)?;
    object.set("edVerify", Function::new(ctx.clone(), ed_verify)?)?;
    object.set("edPublic", Function::new(ctx.clone(), ed_public)?)
}

fn refused(ctx: &Ctx<'_>, what: &str) -> rquickjs::Error {
    Exception::throw_message(ctx, what)
}

/// Signs with an RSA key given as `[n, e, d, p, q, dp, dq, qi]`; `scheme` is `pkcs1` or `pss`, then the hash.
fn rsa_sign<'js>(ctx: Ctx<'js>, scheme: String, key: Vec<Bytes>, message: Bytes) -> Result<TypedArray<'js, u8>> {
    let padding: &dyn RsaEncoding = match scheme.as_str() {
        "pkcs1-sha256" => &signature::RSA_PKCS1_SHA256,
        "pkcs1-sha384" => &signature::RSA_PKCS1_SHA384,
        "pkcs1-sha512" => &signature::RSA_PKCS1_SHA512,
        "pss-sha256" => &signature::RSA_PSS_SHA256,
        "pss-sha384" => &signature::RSA_PSS_SHA384,
        "pss-sha512" => &signature::RSA_PSS_SHA512,
        _ => {
            let message = format!("RSA signatures with {scheme} are not supported; use SHA-256, SHA-384 or SHA-512");
            return Err(refused(&ctx, &message));
        }
    };
    let [n, e, d, p, q, dp, dq, qi] = key.as_slice() else {
        return Err(refused(&ctx, "the RSA key has no eight numbers"));
    };
    let components = KeyPairComponents {
        public_key: PublicKeyComponents { n: &n.0, e: &e.0 },
        d: &d.0,
        p: &p.0,
        q: &q.0,
        dP: &dp.0,
        dQ: &dq.0,
        qInv: &qi.0,
    };
    let pair = signature::RsaKeyPair::from_components(&components)
        .map_err(|why| refused(&ctx, &format!("the RSA key cannot sign ({why}); it needs 2048 to 4096 bits")))?;
    let mut signed = vec![0; pair.public().modulus_len()];
    pair.sign(padding, &SystemRandom::new(), &message.0, &mut signed)
        .map_err(|_| refused(&ctx, "the RSA key is inconsistent"))?;
    TypedArray::new_copy(ctx, signed)
}

/// Whether a signature is the RSA key's, given as its modulus and exponent.
fn rsa_verify(ctx: Ctx<'_>, scheme: String, n: Bytes, e: Bytes, message: Bytes, signed: Bytes) -> Result<bool> {
    let padding: &RsaParameters = match scheme.as_str() {
        "pkcs1-sha1" => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
        "pkcs1-sha256" => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
        "pkcs1-sha384" => &signature::RSA_PKCS1_2048_8192_SHA384,
        "pkcs1-sha512" => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
        "pss-sha256" => &signature::RSA_PSS_2048_8192_SHA256,
        "pss-sha384" => &signature::RSA_PSS_2048_8192_SHA384,
        "pss-sha512" => &signature::RSA_PSS_2048_8192_SHA512,
        _ => return Err(refused(&ctx, &format!("RSA signatures with {scheme} are not supported"))),
    };
    let key = PublicKeyComponents { n: &n.0, e: &e.0 };
    Ok(key.verify(padding, &message.0, &signed.0).is_ok())
}

/// Signs with ECDSA; `scheme` is the curve and the form, the key its number and its public point.
fn ec_sign<'js>(
    ctx: Ctx<'js>,
    scheme: String,
    number: Bytes,
    point: Bytes,
    message: Bytes,
) -> Result<TypedArray<'js, u8>> {
    let algorithm: &'static EcdsaSigningAlgorithm = match scheme.as_str() {
        "p256-sha256-der" => &signature::ECDSA_P256_SHA256_ASN1_SIGNING,
        "p256-sha256-fixed" => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        "p384-sha384-der" => &signature::ECDSA_P384_SHA384_ASN1_SIGNING,
        "p384-sha384-fixed" => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => {
            let message = format!(
                "ECDSA signatures with {scheme} are not supported; use P-256 with SHA-256 or P-384 with SHA-384"
            );
            return Err(refused(&ctx, &message));
        }
    };
    let random = SystemRandom::new();
    let pair = EcdsaKeyPair::from_private_key_and_public_key(algorithm, &number.0, &point.0, &random)
        .map_err(|why| refused(&ctx, &format!("the EC key cannot sign ({why})")))?;
    let signed = pair.sign(&random, &message.0).map_err(|_| refused(&ctx, "the EC key cannot sign"))?;
    TypedArray::new_copy(ctx, signed)
}

/// Whether a signature is the EC key's, given as its public point.
fn ec_verify(ctx: Ctx<'_>, scheme: String, point: Bytes, message: Bytes, signed: Bytes) -> Result<bool> {
    let algorithm: &'static EcdsaVerificationAlgorithm = match scheme.as_str() {
        "p256-sha256-der" => &signature::ECDSA_P256_SHA256_ASN1,
        "p256-sha384-der" => &signature::ECDSA_P256_SHA384_ASN1,
        "p384-sha256-der" => &signature::ECDSA_P384_SHA256_ASN1,
        "p384-sha384-der" => &signature::ECDSA_P384_SHA384_ASN1,
        "p256-sha256-fixed" => &signature::ECDSA_P256_SHA256_FIXED,
        "p384-sha384-fixed" => &signature::ECDSA_P384_SHA384_FIXED,
        _ => return Err(refused(&ctx, &format!("ECDSA signatures with {scheme} are not supported"))),
    };
    Ok(UnparsedPublicKey::new(algorithm, &point.0).verify(&message.0, &signed.0).is_ok())
}

fn ed_key(ctx: &Ctx<'_>, seed: &Bytes) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&seed.0).map_err(|_| refused(ctx, "an Ed25519 key has 32 bytes"))
}

fn ed_sign<'js>(ctx: Ctx<'js>, seed: Bytes, message: Bytes) -> Result<TypedArray<'js, u8>> {
    let signed = ed_key(&ctx, &seed)?.sign(&message.0);
    TypedArray::new_copy(ctx, signed)
}

fn ed_verify(public: Bytes, message: Bytes, signed: Bytes) -> bool {
    UnparsedPublicKey::new(&signature::ED25519, &public.0).verify(&message.0, &signed.0).is_ok()
}

fn ed_public<'js>(ctx: Ctx<'js>, seed: Bytes) -> Result<TypedArray<'js, u8>> {
    let key = ed_key(&ctx, &seed)?;
    TypedArray::new_copy(ctx, key.public_key())
}
