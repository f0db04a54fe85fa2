// fmt itself, compiled once: as headers only, each file that formats a sentence would compile it
// again, which was more than half of a build. Distributions bring fmt's sources as the header that
// is included here, and as a shared library, which is nothing to link into a static program.
#include <fmt/format-inl.h>

// What fmt's headers declare as being defined elsewhere ("extern template"), in 8.1 to 12.1. If a
// new release declares more of it, the link fails and names it.
FMT_BEGIN_NAMESPACE
namespace detail {

template auto dragonbox::to_decimal(float) noexcept -> dragonbox::decimal_fp<float>;
template auto dragonbox::to_decimal(double) noexcept -> dragonbox::decimal_fp<double>;
template auto thousands_sep_impl(locale_ref) -> thousands_sep_result<char>;
template auto decimal_point_impl(locale_ref) -> char;
template void buffer<char>::append(const char*, const char*);
#if FMT_VERSION < 90000
template int format_float(double, int, float_specs, buffer<char>&);
template int format_float(long double, int, float_specs, buffer<char>&);
template int snprintf_float(double, int, float_specs, buffer<char>&);
template int snprintf_float(long double, int, float_specs, buffer<char>&);
#endif
#if FMT_VERSION >= 100000 && FMT_VERSION < 110100
template void vformat_to(buffer<char>&, string_view, vformat_args<>::type, locale_ref);
#endif

} // namespace detail
FMT_END_NAMESPACE
