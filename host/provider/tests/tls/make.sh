#!/bin/sh
# Makes the certificates of the tests anew: an authority of their own, and a server's for tls.example.
set -eu
cd "$(dirname "$0")"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 36500 \
    -subj "/CN=Authority of the tests" -keyout authority.key -out authority.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
    -subj "/CN=tls.example" -keyout server.key -out server.csr
printf 'subjectAltName=DNS:tls.example\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' > server.ext
openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 36500 \
    -extfile server.ext -out server.pem
rm -f authority.key authority.srl server.csr server.ext
