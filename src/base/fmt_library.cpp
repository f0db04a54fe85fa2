// fmt itself, compiled once: as headers only, each file that formats a sentence would compile it again, which
// was more than half of a build. Distributions bring fmt's sources as the header that is included here, and as
// a shared library, which is nothing to link into a static program.
#include <fmt/format-inl.h>

// What fmt's headers declare as being defined elsewhere ("extern template"). If a new release declares more of
// it, the link fails and names it.
FMT_BEGIN_NAMESPACE
namespace detail {

template auto dragonbox::to_decimal(float) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double) noexcept -> dragonbox::decimal_fp<double>;
template auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void buffer<char>::append(const char *, const char *);

} // namespace detail
FMT_END_NAMESPACE
