#!/bin/sh
# Makes a local authority in ca/, and a certificate of it for localhost in headgate/. Run it again for a new certificate: the authority
# stays, and headgate takes the new one without a restart. Clients trust ca/ca.crt. For tests and development: nothing guards ca/ca.key.
set -eu
cd "$(dirname "$0")"
names="${1:-DNS:localhost,IP:127.0.0.1}"

mkdir -p ca
if [ ! -e ca/ca.key ]; then
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 \
    -subj "/CN=local authority" -keyout ca/ca.key -out ca/ca.crt
fi
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
  -subj "/CN=headgate" -keyout ca/tls.key -out ca/tls.csr
printf 'subjectAltName = %s\nextendedKeyUsage = serverAuth\n' "$names" > ca/names.cnf
openssl x509 -req -in ca/tls.csr -CA ca/ca.crt -CAkey ca/ca.key -CAcreateserial \
  -extfile ca/names.cnf -days 90 -out ca/tls.crt
# The container's user, 65532, is not the owner of the key, so its mode lets others read it.
chmod 644 ca/tls.key ca/tls.crt
mv ca/tls.key ca/tls.crt headgate/
