#include <algorithm>

#include "dialogstore/error.hpp"
#include "dialogstore/uri.hpp"
#include "uri/address.hpp"
#include "uri/option_limits.hpp"
#include "uri/uri_options.hpp"
#include "uri/uri_text.hpp"

namespace dialogstore {
namespace {

constexpr std::string_view hidden = "***";

// A URI that parses has its password in one of two known places.
std::string hide_password(std::string_view uri) {
  const uri::UriParts parts = uri::split(uri);
  std::string text(parts.scheme);
  text += "://";
  const std::size_t at = parts.authority.rfind('@');
  if (at == std::string_view::npos) {
    text += parts.authority;
  } else {
    text.append(parts.authority.substr(0, parts.authority.find(':') + 1)).append(hidden);
    text += parts.authority.substr(at);
  }
  text += parts.path;
  if (!parts.query) return text;
  std::string_view rest = *parts.query;
  for (char separator = '?'; !rest.empty(); separator = '&') {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view option = rest.substr(0, end);
    text += separator;
    if (option.starts_with("password=") || option.starts_with("sentinel_password=")) {
      text.append(option.substr(0, option.find('=') + 1)).append(hidden);
    } else {
      text += option;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return text;
}

// Of a URI that does not parse only the scheme is certain; a file's path too, when nothing in it
// looks like user:password@host.
std::string cut_secret(std::string_view uri) {
  uri::UriParts parts;
  try {
    parts = uri::split(uri);
  } catch (const UriError&) {
    return std::string(hidden);
  }
  std::string text = std::string(parts.scheme) + "://";
  const bool is_file = parts.kind == uri::Kind::sqlite && parts.authority.empty() &&
                       uri.find('@') == std::string_view::npos;
  if (is_file) text += parts.path;
  if (!is_file || parts.query) text += hidden;
  return text;
}

}  // namespace

StorageUri parse_uri(std::string_view uri) {
  const uri::UriParts parts = uri::split(uri);
  StorageUri result;
  uri::read_address(parts, result);
  uri::read_options(parts, result);
  return result;
}

std::string redact_uri(std::string_view uri) {
  try {
    parse_uri(uri);
    return hide_password(uri);
  } catch (const UriError&) {
    try {
      return cut_secret(uri);
    } catch (...) {
      return {};
    }
  } catch (...) {  // out of memory: nothing is better than a part of a secret
    return {};
  }
}

}  // namespace dialogstore
