# The static library libngd.a: one relocatable object in which only the names of the contract are global, so that a
# program that links it sees no more of libngd than one that links the shared library.
set(ngd_object ${CMAKE_CURRENT_BINARY_DIR}/libngd.o)
# --force-group-allocation: sections shared between C++ objects become ordinary ones, which may hold local names.
add_custom_command(OUTPUT ${ngd_object}
  COMMAND ${CMAKE_LINKER} -r --force-group-allocation -o ${ngd_object} $<TARGET_OBJECTS:ngd_objects>
  COMMAND ${CMAKE_OBJCOPY} --wildcard --keep-global-symbol=ngd_* ${ngd_object}
  DEPENDS ngd_objects $<TARGET_OBJECTS:ngd_objects>
  COMMAND_EXPAND_LISTS VERBATIM COMMENT "Linking the relocatable object libngd.o")
set_source_files_properties(${ngd_object} PROPERTIES GENERATED ON EXTERNAL_OBJECT ON)

add_library(ngd_static STATIC ${ngd_object})
add_library(ngd::static ALIAS ngd_static)
# LINKER_LANGUAGE C with the C++ library named: a C program links it with the C compiler.
set_target_properties(ngd_static PROPERTIES OUTPUT_NAME ngd EXPORT_NAME static LINKER_LANGUAGE C)
if(NOT PROJECT_IS_TOP_LEVEL)
  set_target_properties(ngd_static PROPERTIES EXCLUDE_FROM_ALL ON)
endif()
set(ngd_cxx_libraries ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(REMOVE_ITEM ngd_cxx_libraries ${CMAKE_C_IMPLICIT_LINK_LIBRARIES})
list(REMOVE_DUPLICATES ngd_cxx_libraries)
target_link_libraries(ngd_static INTERFACE ZLIB::ZLIB PkgConfig::OPENBLAS PkgConfig::ZEROMQ Threads::Threads ${ngd_cxx_libraries})
target_include_directories(ngd_static INTERFACE $<BUILD_INTERFACE:${CMAKE_CURRENT_SOURCE_DIR}/include>
                                                $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
