//! Reading an agent's function, with every misuse of it at its place; knows not what it
//! becomes.

use proc_macro2::{Ident, Span, TokenStream};
use quote::ToTokens;
use syn::{Error, FnArg, GenericArgument, ItemFn, PathArguments, ReturnType, Safety, Type};

/// Of the contract: a longer summary is refused at admission.
const SUMMARY_BYTES: usize = 1024;

const EXPECTED: &str = "expected: `fn NAME(input: INPUT, host: &bailiwick::Host) -> \
                        Result<OUTPUT, bailiwick::Failure>`; `host` may be left out";

/// What the expansion needs to know of the function.
pub(crate) struct Signature {
    pub(crate) name: Ident,
    pub(crate) input: Type,
    pub(crate) output: Type,
    pub(crate) takes_host: bool,
    /// Empty where the function has no documentation.
    pub(crate) summary: String,
}

/// Errors, all of them, in the order of the words; the first with the expected signature.
#[derive(Default)]
struct Misuse {
    errors: Vec<Error>,
}

impl Signature {
    pub(crate) fn read(arguments: &TokenStream, function: &ItemFn) -> Result<Self, Error> {
        let mut misuse = Misuse::default();
        if !arguments.is_empty() {
            misuse.add(
                arguments,
                "`agent` takes no arguments: name and version are the crate's, the summary is \
                 the first paragraph of the documentation",
            );
        }
        misuse.check_qualifiers(function);
        let summary = misuse.summary(function);
        let input = misuse.input(function);
        let takes_host = misuse.takes_host(function);
        let output = misuse.output(function);
        match (input, output, misuse.errors.is_empty()) {
            (Some(input), Some(output), true) => {
                Ok(Self { name: function.sig.ident.clone(), input, output, takes_host, summary })
            }
            _ => Err(misuse.into_error()),
        }
    }
}

/// The error for an item that is no function.
pub(crate) fn no_function(item: &TokenStream) -> Error {
    let mut misuse = Misuse::default();
    misuse.add(item, "an agent is one free function");
    misuse.into_error()
}

impl Misuse {
    fn add(&mut self, place: impl ToTokens, message: &str) {
        let message = self.with_expected(message);
        self.errors.push(Error::new_spanned(place, message));
    }

    fn add_at(&mut self, place: Span, message: &str) {
        let message = self.with_expected(message);
        self.errors.push(Error::new(place, message));
    }

    fn with_expected(&self, message: &str) -> String {
        if self.errors.is_empty() { format!("{message}\n{EXPECTED}") } else { message.to_owned() }
    }

    fn into_error(self) -> Error {
        let all = self.errors.into_iter().reduce(|mut all, error| {
            all.combine(error);
            all
        });
        all.unwrap_or_else(|| Error::new(Span::call_site(), EXPECTED))
    }

    fn check_qualifiers(&mut self, function: &ItemFn) {
        let sig = &function.sig;
        if let Some(place) = &sig.constness {
            self.add(place, "an agent is not `const`");
        }
        if let Some(place) = &sig.asyncness {
            self.add(
                place,
                "an agent is not `async`: it is straight-line code, and the host suspends it",
            );
        }
        if let Safety::Unsafe(place) = &sig.safety {
            self.add(place, "an agent is not `unsafe`");
        }
        if let Some(place) = &sig.abi {
            self.add(place, "an agent is not `extern`: the attribute makes the exports");
        }
        if !sig.generics.params.is_empty() {
            self.add(&sig.generics, "an agent is not generic: its schemas are of concrete types");
        }
        if let Some(place) = &sig.generics.where_clause {
            self.add(place, "an agent has no `where`");
        }
        if let Some(place) = &sig.variadic {
            self.add(place, "an agent takes no variable arguments");
        }
    }

    /// Whether the function takes the host; it takes nothing else.
    fn takes_host(&mut self, function: &ItemFn) -> bool {
        let is_method = function.sig.receiver().is_some();
        // Of a method, the first after `self` was meant to be the input.
        let mut inputs = function.sig.inputs.iter().skip(1 + usize::from(is_method));
        let host = inputs.next();
        if let Some(FnArg::Typed(host)) = host {
            match &*host.ty {
                Type::Reference(reference) if reference.mutability.is_none() => {}
                ty => self.add(ty, "the host is borrowed: `&bailiwick::Host`"),
            }
        }
        for input in inputs {
            self.add(input, "an agent takes its input and the host, nothing else");
        }
        host.is_some()
    }

    fn input(&mut self, function: &ItemFn) -> Option<Type> {
        match function.sig.inputs.first() {
            None => {
                self.add_at(function.sig.paren_token.span.join(), "the input is missing");
                None
            }
            Some(FnArg::Receiver(receiver)) => {
                self.add(receiver, "an agent is a free function, not a method");
                None
            }
            Some(FnArg::Typed(input)) => match &*input.ty {
                Type::Reference(reference) => {
                    self.add(reference, "the input is owned: it is decoded for this call");
                    None
                }
                Type::ImplTrait(ty) => {
                    self.add(ty, "the input is of a concrete type: it has a schema");
                    None
                }
                ty => Some(ty.clone()),
            },
        }
    }

    fn output(&mut self, function: &ItemFn) -> Option<Type> {
        let message = "an agent returns `Result<OUTPUT, bailiwick::Failure>`";
        let ReturnType::Type(_, ty) = &function.sig.output else {
            let place = function.sig.paren_token.span.close();
            self.add_at(place, message);
            return None;
        };
        let output = result_of(ty);
        if output.is_none() {
            self.add(ty, message);
        }
        output.cloned()
    }

    fn summary(&mut self, function: &ItemFn) -> String {
        let lines = function.attrs.iter().filter_map(|attribute| {
            let syn::Meta::NameValue(pair) = &attribute.meta else {
                return None;
            };
            let syn::Expr::Lit(literal) = &pair.value else {
                return None;
            };
            match &literal.lit {
                syn::Lit::Str(text) if pair.path.is_ident("doc") => Some(text),
                _ => None,
            }
        });
        let text: Vec<String> = lines.map(syn::LitStr::value).collect();
        let paragraph: Vec<String> = text
            .join("\n")
            .lines()
            .map(|line| line.trim().to_owned())
            .skip_while(String::is_empty)
            .take_while(|line| !line.is_empty())
            .collect();
        let summary = paragraph.join(" ");
        if summary.len() > SUMMARY_BYTES {
            self.add(
                &function.sig.ident,
                "the first paragraph of the documentation is the summary: at most 1 KiB",
            );
        }
        summary
    }
}

/// The `T` of a `Result<T>` or `Result<T, E>`, however it is qualified.
fn result_of(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ty else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first() {
        Some(GenericArgument::Type(output)) if last.ident == "Result" => Some(output),
        _ => None,
    }
}
