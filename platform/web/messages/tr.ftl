### Words that every product's pages need.
### The message that the code calls `section.name` is `section-name` here.

## common

common-skip = İçeriğe geç
common-language = Dil
# The name of this file's own language.
common-language_name = Türkçe
common-theme = Görünüm
common-theme_system = Sistem
common-theme_light = Açık
common-theme_dark = Koyu

## date

date-long = { $day } { $month } { $year }
date-with_time = { $date }, { $time } UTC
date-m01 = Ocak
date-m02 = Şubat
date-m03 = Mart
date-m04 = Nisan
date-m05 = Mayıs
date-m06 = Haziran
date-m07 = Temmuz
date-m08 = Ağustos
date-m09 = Eylül
date-m10 = Ekim
date-m11 = Kasım
date-m12 = Aralık
date-s01 = Oca
date-s02 = Şub
date-s03 = Mar
date-s04 = Nis
date-s05 = May
date-s06 = Haz
date-s07 = Tem
date-s08 = Ağu
date-s09 = Eyl
date-s10 = Eki
date-s11 = Kas
date-s12 = Ara
