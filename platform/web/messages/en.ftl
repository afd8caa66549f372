### Words that every product's pages need.
### The message that the code calls `section.name` is `section-name` here.

## common

common-skip = Skip to content
common-language = Language
# The name of this file's own language.
common-language_name = English
common-theme = Appearance
common-theme_system = System
common-theme_light = Light
common-theme_dark = Dark

## date

date-long = { $day } { $month } { $year }
date-with_time = { $date }, { $time } UTC
date-m01 = January
date-m02 = February
date-m03 = March
date-m04 = April
date-m05 = May
date-m06 = June
date-m07 = July
date-m08 = August
date-m09 = September
date-m10 = October
date-m11 = November
date-m12 = December
date-s01 = Jan
date-s02 = Feb
date-s03 = Mar
date-s04 = Apr
date-s05 = May
date-s06 = Jun
date-s07 = Jul
date-s08 = Aug
date-s09 = Sep
date-s10 = Oct
date-s11 = Nov
date-s12 = Dec
